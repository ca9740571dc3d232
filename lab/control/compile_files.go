package control

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"trunkline/lab"
	"trunkline/lab/frr"
	"trunkline/lab/hostapi"
)

// Where a kind reads its configuration.
const frrConf = "/etc/frr/frr.conf"

var startupTarget = map[lab.Kind]string{
	lab.Router: frrConf,
	lab.DHCP:   "/etc/dnsmasq.d/lab.conf",
	lab.DNS:    "/etc/bind/named.conf.local",
	lab.Linux:  "/startup-config",
}

// filesOf is what goes into the node before it first starts: its binds, its startup-config, and for a router what follows
// from its routing when neither gives an frr.conf.
func (c *compiler) filesOf(n *lab.Node) ([]hostapi.FileSpec, error) {
	var files []hostapi.FileSpec
	for _, b := range n.Binds {
		bound := c.filesBelow(b.Source, b.Target)
		if len(bound) == 0 {
			return nil, invalidNode(n.Name, "binds", "Node %s binds %s, which is not in the lab's folder. Add the file, or take the bind out.", n.Name, b.Source)
		}
		files = append(files, bound...)
	}
	if s := n.StartupConfig; s != nil {
		target := startupTarget[n.Kind]
		switch {
		case s.Path == "":
			files = append(files, c.addText(target, s.Inline))
		default:
			f, there := c.files[path.Clean(s.Path)]
			if !there {
				return nil, invalidNode(n.Name, "startup-config", "Node %s wants the startup-config %s, which is not in the lab's folder. Add the file.", n.Name, s.Path)
			}
			files = append(files, fileSpec(f, target))
		}
	}
	if n.Kind == lab.Router && !slices.ContainsFunc(files, func(f hostapi.FileSpec) bool { return f.Target == frrConf }) {
		if text := frr.Render(cmp.Or(n.Hostname, n.Name), n); text != "" {
			files = append(files, c.addText(frrConf, text))
		}
	}
	return files, nil
}

// filesBelow is the file at source, or every file of the folder there, placed at target.
func (c *compiler) filesBelow(source, target string) []hostapi.FileSpec {
	source = path.Clean(source)
	if f, there := c.files[source]; there {
		return []hostapi.FileSpec{fileSpec(f, target)}
	}
	var files []hostapi.FileSpec
	for _, f := range c.Files {
		if below, inside := strings.CutPrefix(f.Path, source+"/"); inside || source == "." {
			if source == "." {
				below = f.Path
			}
			files = append(files, fileSpec(f, path.Join(target, below)))
		}
	}
	return files
}

func fileSpec(f ProjectFile, target string) hostapi.FileSpec {
	return hostapi.FileSpec{Target: path.Clean(target), Blob: f.SHA256, Size: f.Size, Mode: f.Mode}
}
