package testkit

import (
	"context"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// NLANReachesAll pings from each of the sixteen hosts of a lab that is the NLAN network all sixteen, until each is answered.
func (p *Program) NLANReachesAll(ctx context.Context, lab string) error {
	var nodes, addresses []string
	for site := 1; site <= 4; site++ {
		for part, network := range map[string]int{"a": 21, "b": 22} {
			for number := 2; number <= 3; number++ {
				nodes = append(nodes, fmt.Sprintf("%s/h%d%s%d", lab, site, part, number))
				addresses = append(addresses, fmt.Sprintf("172.%d.%d.%d", network, site, number))
			}
		}
	}
	script := `for a in "$@"; do ping -c 1 -W 5 "$a" >/dev/null 2>&1 || echo "no answer from $a"; done; echo "asked $#"`
	group := errgroup.Group{}
	group.SetLimit(4)
	for _, node := range nodes {
		group.Go(func() error {
			return Until(ctx, 3*time.Minute, node+" reaches every host", func() error {
				out, err := p.Run(ctx, append([]string{"exec", node, "--", "sh", "-c", script, "sh"}, addresses...)...)
				if err == nil && strings.TrimSpace(out) != "asked 16" {
					err = fmt.Errorf("%s", out)
				}
				return err
			})
		})
	}
	return group.Wait()
}
