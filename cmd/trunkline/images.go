package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"trunkline/internal/cli"
	"trunkline/internal/client"
	"trunkline/internal/fault"
	"trunkline/lab/control"
)

func imagesCommand(o *options) *cobra.Command {
	cmd := cli.Group(&cobra.Command{Use: "images", Short: "The images that nodes can be made of"})
	list := &cobra.Command{
		Use: "ls", Aliases: []string{"list"}, Short: "List the images", Args: cli.Exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			images, err := c.Images(cmd.Context())
			if err != nil {
				return err
			}
			return o.print(images, func(w io.Writer) {
				fmt.Fprintln(w, "IMAGE\tID\tSIZE")
				for _, i := range images {
					id := strings.TrimPrefix(i.ID, "sha256:")
					fmt.Fprintf(w, "%s\t%.12s\t%d MB\n", i.Name, id, i.SizeBytes/1_000_000)
				}
			})
		},
	}
	imageMap := cli.Group(&cobra.Command{Use: "map", Short: "Which images take the place of those that labs name"})
	imageMap.AddCommand(imageMapList(o), imageMapSet(o), imageMapUnset(o))
	allow := cli.Group(&cobra.Command{Use: "allow", Short: "Which images nodes may have"})
	allow.AddCommand(imageAllowList(o), imageAllowSet(o))
	cmd.AddCommand(list, imageMap, allow)
	return cmd
}

// policyFlag is --site, and whose policy is meant by it.
type policyFlag struct{ site bool }

func (f *policyFlag) add(cmd *cobra.Command, usage string) *cobra.Command {
	cmd.Flags().BoolVar(&f.site, "site", false, usage)
	return cmd
}

func (f *policyFlag) scope() control.PolicyScope {
	if f.site {
		return control.OfSite
	}
	return control.OfWorkspace
}

// imageEntry is one line of a list: what is said, and by whom.
type imageEntry struct {
	Pattern string              `json:"pattern"`
	Image   string              `json:"image,omitempty"`
	From    control.PolicyScope `json:"from"`
}

// policies reads the site's policy, and the workspace's unless only the site's is wanted.
func policies(ctx context.Context, c *client.Client, siteOnly bool) (site, workspace control.ImagePolicy, err error) {
	if site, err = c.ImagePolicy(ctx, control.OfSite); err != nil || siteOnly {
		return site, workspace, err
	}
	workspace, err = c.ImagePolicy(ctx, control.OfWorkspace)
	return site, workspace, err
}

func imageMapList(o *options) *cobra.Command {
	var f policyFlag
	return f.add(&cobra.Command{
		Use: "ls", Aliases: []string{"list"}, Short: "List what takes the place of what, the workspace's over the site's", Args: cli.Exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			site, workspace, err := policies(cmd.Context(), c, f.site)
			if err != nil {
				return err
			}
			byPattern := map[string]imageEntry{}
			for pattern, image := range site.Map {
				byPattern[pattern] = imageEntry{pattern, image, control.OfSite}
			}
			for pattern, image := range workspace.Map {
				byPattern[pattern] = imageEntry{pattern, image, control.OfWorkspace}
			}
			entries := []imageEntry{}
			for _, pattern := range slices.Sorted(maps.Keys(byPattern)) {
				entries = append(entries, byPattern[pattern])
			}
			return o.print(entries, func(w io.Writer) {
				if len(entries) == 0 {
					fmt.Fprintln(w, "Nothing stands in for another. Try: trunkline images map set 'frrouting/*=trunkline/router'")
					return
				}
				fmt.Fprintln(w, "NAMED\tTAKEN\tFROM")
				for _, e := range entries {
					fmt.Fprintf(w, "%s\t%s\t%s\n", e.Pattern, e.Image, e.From)
				}
			})
		},
	}, "the site's alone")
}

func imageMapSet(o *options) *cobra.Command {
	var f policyFlag
	return f.add(&cobra.Command{
		Use: "set PATTERN=IMAGE…", Short: "Put images in the place of those that a pattern fits", Args: atLeastOne("PATTERN=IMAGE"),
		Example: "  trunkline images map set 'frrouting/*=trunkline/router'",
		RunE: func(cmd *cobra.Command, args []string) error {
			more := map[string]string{}
			for _, arg := range args {
				pattern, image, ok := strings.Cut(arg, "=")
				if !ok {
					return cli.UsageError{Err: fmt.Errorf("%q is not of the form PATTERN=IMAGE", arg)}
				}
				more[pattern] = image
			}
			return o.changePolicy(cmd.Context(), f.scope(), func(p *control.ImagePolicy) error {
				maps.Copy(p.Map, more)
				return nil
			})
		},
	}, "for every workspace")
}

func imageMapUnset(o *options) *cobra.Command {
	var f policyFlag
	return f.add(&cobra.Command{
		Use: "unset PATTERN…", Short: "Take entries out of the image map", Args: atLeastOne("PATTERN"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.changePolicy(cmd.Context(), f.scope(), func(p *control.ImagePolicy) error {
				for _, pattern := range args {
					if _, there := p.Map[pattern]; !there {
						return fault.New(fault.NotFound, "The image map of the %s has no %q. See: trunkline images map ls", f.scope(), pattern)
					}
					delete(p.Map, pattern)
				}
				return nil
			})
		},
	}, "from the site's map")
}

func imageAllowList(o *options) *cobra.Command {
	var f policyFlag
	return f.add(&cobra.Command{
		Use: "ls", Aliases: []string{"list"}, Short: "List the patterns of the images that nodes may have", Args: cli.Exactly(),
		Long: "List the patterns of the images that nodes may have. An image has to fit one of the site's, and one of the workspace's where it has any.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			site, workspace, err := policies(cmd.Context(), c, f.site)
			if err != nil {
				return err
			}
			if len(site.Allow) == 0 {
				site.Allow = []string{"*"} // what a site allows that has said nothing
			}
			entries := []imageEntry{}
			for _, pattern := range site.Allow {
				entries = append(entries, imageEntry{Pattern: pattern, From: control.OfSite})
			}
			for _, pattern := range workspace.Allow {
				entries = append(entries, imageEntry{Pattern: pattern, From: control.OfWorkspace})
			}
			return o.print(entries, func(w io.Writer) {
				fmt.Fprintln(w, "ALLOWED\tFROM")
				for _, e := range entries {
					fmt.Fprintf(w, "%s\t%s\n", e.Pattern, e.From)
				}
			})
		},
	}, "the site's alone")
}

func imageAllowSet(o *options) *cobra.Command {
	var f policyFlag
	return f.add(&cobra.Command{
		Use: "set [PATTERN…]", Short: "Replace the patterns of the images that nodes may have",
		Long:    "Replace the patterns of the images that nodes may have. Without any, a workspace may use what the site allows, and a site allows every image.",
		Example: "  trunkline images allow set 'trunkline/*' 'frrouting/*'",
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.changePolicy(cmd.Context(), f.scope(), func(p *control.ImagePolicy) error {
				p.Allow = args
				return nil
			})
		},
	}, "for every workspace")
}

// changePolicy reads, changes and stores; of two at once the second is told to try again.
func (o *options) changePolicy(ctx context.Context, scope control.PolicyScope, change func(*control.ImagePolicy) error) error {
	c, err := o.client()
	if err != nil {
		return err
	}
	policy, err := c.ImagePolicy(ctx, scope)
	if err != nil {
		return err
	}
	if policy.Map == nil {
		policy.Map = map[string]string{}
	}
	if err := change(&policy); err != nil {
		return err
	}
	if policy.Allow == nil {
		policy.Allow = []string{}
	}
	if policy, err = c.SetImagePolicy(ctx, scope, policy); err != nil {
		return err
	}
	return o.print(policy, func(w io.Writer) {
		fmt.Fprintln(w, "Stored. It counts from the next deploy; what runs stays as it is.")
	})
}

// atLeastOne is cobra.MinimumNArgs(1) with our exit code and a sentence that names the argument.
func atLeastOne(name string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cli.UsageError{Err: fmt.Errorf("%s takes at least one %s", cmd.CommandPath(), name)}
		}
		return nil
	}
}
