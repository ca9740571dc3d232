package control

import (
	"cmp"
	"math"

	"trunkline/lab"
	"trunkline/lab/hostapi"
	"trunkline/tenancy"
)

// UsualNode is what a node may take whose file names no limits.
var UsualNode = NodeDefaults{CPU: 1, MemoryBytes: 512 << 20, Pids: 1024}

// DiskOfNode is what quotas count for each container that is kept on a host: engines cannot limit most file systems, so that it is a flat amount.
const DiskOfNode = 256 << 20

// Reserved is what a deployment holds of quotas: for each container that is kept its disk, and for each that shall run the most that it may take. It is not what
// hosts promise to nodes, which is what idle nodes need. Project files are not in it. It is pure. l is the deployed lab; nil: none.
func Reserved(d Deployment, l *lab.Lab, usual NodeDefaults) tenancy.Amounts {
	held := tenancy.Amounts{}
	if d.Want == WantNothing || l == nil {
		return held
	}
	for _, n := range l.Nodes {
		if !n.Kind.IsContainer() {
			continue
		}
		held[tenancy.QuotaDisk] += DiskOfNode
		if d.Want != WantRun || wantedRun(n, d) == hostapi.Stopped {
			continue
		}
		held[tenancy.QuotaNodes]++
		held[tenancy.QuotaCPU] += int64(math.Ceil(cmp.Or(n.CPU, usual.CPU) * 1000))
		held[tenancy.QuotaMemory] += cmp.Or(n.MemoryBytes, usual.MemoryBytes)
	}
	return held
}

// WithDefaults fills in zero fields.
func (d NodeDefaults) WithDefaults() NodeDefaults {
	return NodeDefaults{CPU: cmp.Or(d.CPU, UsualNode.CPU), MemoryBytes: cmp.Or(d.MemoryBytes, UsualNode.MemoryBytes), Pids: cmp.Or(d.Pids, UsualNode.Pids)}
}
