package fabric

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	"trunkline/internal/fault"
)

// Docker and other firewalls set the policy of iptables' FORWARD chain to drop. An accept in our own table doesn't undo that: each table
// has its say. So where the policy is drop, each way out gets two rules at the head of that chain, through the iptables program: rules
// that another program writes into its tables make it refuse to work. A comment bears our stamp.

// forwardRules are the arguments after -I or -D for one uplink. Only answers go in.
func (f *Fabric) forwardRules(uplink string) [][]string {
	stamped := []string{"-m", "comment", "--comment", f.names.table()}
	return [][]string{
		append([]string{"FORWARD", "-i", uplink, "-j", "ACCEPT"}, stamped...),
		append([]string{"FORWARD", "-o", uplink, "-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED", "-j", "ACCEPT"}, stamped...),
	}
}

// ensureForward adds the rules where they are needed and missing.
func (f *Fabric) ensureForward(ctx context.Context, uplink string) error {
	rules, err := f.listForward(ctx)
	if err != nil || !strings.Contains(rules, "-P FORWARD DROP") {
		return err
	}
	if strings.Count(rules, " "+uplink+" ") >= len(f.forwardRules(uplink)) {
		return nil
	}
	if err := f.removeForward(ctx, uplink); err != nil {
		return err
	}
	for _, rule := range f.forwardRules(uplink) {
		f.writes.Add(1)
		if _, err := iptables(ctx, append([]string{"-I"}, rule...)...); err != nil {
			return fault.Wrap(err, fault.Unavailable, "This host's firewall drops what it forwards, and iptables refused the rule that lets internet nodes out. The log has its words.")
		}
	}
	return nil
}

// removeForward deletes the rules of an uplink, however often they are there.
func (f *Fabric) removeForward(ctx context.Context, uplink string) error {
	rules, err := f.listForward(ctx)
	if err != nil {
		return err
	}
	for line := range strings.Lines(rules) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] != "-A" || !strings.Contains(line, " "+uplink+" ") || !strings.Contains(line, f.names.table()) {
			continue
		}
		f.writes.Add(1)
		if _, err := iptables(ctx, append([]string{"-D"}, fields[1:]...)...); err != nil {
			return fault.Wrap(err, fault.Unavailable, "iptables refused to remove the rule of a way out that is gone. The log has its words.")
		}
	}
	return nil
}

// listForward returns the rules of iptables' FORWARD chain; "" where there is no iptables, whose policy then drops nothing.
func (f *Fabric) listForward(ctx context.Context) (string, error) {
	const noTable = 3 // iptables' exit code where the kernel has no such table
	out, err := iptables(ctx, "-S", "FORWARD")
	var exit *exec.ExitError
	if errors.Is(err, exec.ErrNotFound) || errors.As(err, &exit) && exit.ExitCode() == noTable {
		return "", nil
	}
	if err != nil {
		return "", fault.Wrap(err, fault.Unavailable, "iptables doesn't say what this host forwards. The log has its words.")
	}
	return out, nil
}

// leftoverForwards finds rules of ours whose way out isn't kept. kept names namespaces of internet nodes.
func (f *Fabric) leftoverForwards(ctx context.Context, kept map[string]bool) ([]leftover, error) {
	records, err := f.internetRecords()
	if err != nil {
		return nil, err
	}
	rules, err := f.listForward(ctx)
	if err != nil {
		// Rules are made after the record of their way out and removed before it: without a record there is nothing to ask about.
		if slices.ContainsFunc(records, func(r internetRecord) bool { return r.Uplink.IsValid() }) {
			return nil, err
		}
		return nil, nil
	}
	wanted := map[string]bool{}
	for _, r := range records {
		if kept[f.names.netns(r.Lab, r.Node)] {
			wanted[f.names.uplink(r.Lab, r.Node)] = true
		}
	}
	var found []leftover
	for line := range strings.Lines(rules) {
		if !strings.Contains(line, f.names.table()) {
			continue
		}
		for field := range strings.FieldsSeq(line) {
			if strings.HasPrefix(field, uplinkPrefix) && !wanted[field] {
				found = append(found, leftover{"iptables rule " + strings.TrimSpace(line), func(ctx context.Context) error { return f.removeForward(ctx, field) }})
			}
		}
	}
	return found, nil
}

// iptables runs the program in the namespace of the agent; --wait queues behind other users of its lock.
func iptables(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "iptables", append([]string{"--wait", "5"}, args...)...)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("iptables %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(complaint.String()))
	}
	return out.String(), nil
}
