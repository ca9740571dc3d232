package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"trunkline/internal/cli"
	"trunkline/lab"
	"trunkline/lab/control"
)

func linkCommand(o *options) *cobra.Command {
	cmd := cli.Group(&cobra.Command{Use: "link", Short: "Delay, limit, lose, cut and mend the links of a lab, while it runs"})
	cmd.AddCommand(
		o.linkSet(),
		o.linkVerb("cut", "Cut a cable: both ends lose their carrier; with --from nothing passes that way", control.LinkChange{Cut: new(true)}),
		o.linkVerb("mend", "Mend a cable that was cut", control.LinkChange{Cut: new(false)}),
		o.linkVerb("reset", "Make a link perfect again", control.LinkChange{Reset: true}),
		o.linkList(),
	)
	return cmd
}

// linkSet is link set with a flag for each value.
func (o *options) linkSet() *cobra.Command {
	var change control.LinkChange
	var mtu int
	var flap string
	values := map[string]*string{}
	cmd := &cobra.Command{
		Use: "set LAB LINK", Short: "Set what a link does to frames; what is not named stays as it is",
		Example: "  trunkline link set campus r1:eth1 --delay 20ms --loss 1% --rate 10mbit\n  trunkline link set campus r1:eth1 --loss 5% --from r1\n  trunkline link set campus \"r1 r2\" --preset satellite",
		Args:    cli.Exactly("LAB", "LINK"), ValidArgsFunction: o.completeLinks,
		RunE: func(cmd *cobra.Command, args []string) error {
			for name, to := range map[string]**string{"rate": &change.Rate, "delay": &change.Delay, "jitter": &change.Jitter, "loss": &change.Loss,
				"duplicate": &change.Duplicate, "reorder": &change.Reorder, "corrupt": &change.Corrupt} {
				if cmd.Flags().Changed(name) {
					*to = values[name]
				}
			}
			if cmd.Flags().Changed("mtu") {
				change.MTU = &mtu
			}
			if cmd.Flags().Changed("flap") {
				every, down, _ := strings.Cut(flap, "/")
				if flap == "off" {
					every = ""
				}
				change.Flap = &control.FlapChange{Every: every, Down: down}
			}
			return o.changeLink(cmd, args[0], args[1], change)
		},
	}
	flags := cmd.Flags()
	for name, help := range map[string]string{"rate": "bits a second, such as 10mbit", "delay": "one way, such as 20ms", "jitter": "standard deviation of the delay, such as 2ms",
		"loss": "share of frames lost, such as 1%", "duplicate": "share of frames that come twice", "reorder": "share of frames that overtake others; needs a delay", "corrupt": "share of frames with a wrong bit"} {
		values[name] = flags.String(name, "", help+"; 0 for none")
	}
	flags.StringVar(&change.Preset, "preset", "", "a kind of line: "+strings.Join(lab.PresetNames(), ", "))
	flags.IntVar(&mtu, "mtu", 0, "largest packet that the interfaces send; 0 for 1500")
	flags.StringVar(&flap, "flap", "", "lose the carrier again and again: EVERY/DOWN such as 5s/1s, or off")
	addLinkFlags(cmd, &change)
	return cmd
}

func addLinkFlags(cmd *cobra.Command, change *control.LinkChange) {
	cmd.Flags().StringVar(&change.From, "from", "", "only what this end sends: a node, or node:interface (default: both directions)")
	cmd.Flags().BoolVar(&change.Check, "dry-run", false, "say what would be done and do nothing")
}

// linkVerb is a command that makes one change.
func (o *options) linkVerb(verb, short string, change control.LinkChange) *cobra.Command {
	cmd := &cobra.Command{
		Use: verb + " LAB LINK", Short: short, Args: cli.Exactly("LAB", "LINK"), ValidArgsFunction: o.completeLinks,
		RunE: func(cmd *cobra.Command, args []string) error { return o.changeLink(cmd, args[0], args[1], change) },
	}
	addLinkFlags(cmd, &change)
	return cmd
}

func (o *options) changeLink(cmd *cobra.Command, labName, link string, change control.LinkChange) error {
	c, err := o.client()
	if err != nil {
		return err
	}
	result, err := c.SetLink(cmd.Context(), labName, link, change)
	if err != nil {
		return err
	}
	return o.printEdit(labName, &result, true, change.Check)
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func (o *options) linkList() *cobra.Command {
	return &cobra.Command{
		Use: "ls LAB", Aliases: []string{"list"}, Short: "List a lab's links with what each does to frames", Args: cli.Exactly("LAB"), ValidArgsFunction: o.completeLabs,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			detail, err := c.Lab(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return o.print(detail.Lab.Links, func(w io.Writer) {
				fmt.Fprintln(w, "LINK\tFROM A TO B\tFROM B TO A\tSTATE")
				for _, k := range detail.Lab.Links {
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", k.ID(), impairmentText(k.AtoB), impairmentText(k.BtoA), linkState(k))
				}
			})
		},
	}
}

func linkState(k *lab.Link) string {
	switch {
	case k.Cut:
		return "cut"
	case k.Flap != nil:
		return fmt.Sprintf("flaps, down %s of %s", k.Flap.Down, k.Flap.Every)
	}
	return "-"
}

// impairmentText is an impairment in a few words: "10 Mbit/s, 20ms, loss 1%".
func impairmentText(i lab.Impairment) string {
	var words []string
	if i.IsCut() {
		return "cut"
	}
	if i.RateBits > 0 {
		words = append(words, strconv.FormatFloat(float64(i.RateBits)/1e6, 'f', -1, 64)+" Mbit/s")
	}
	if i.Delay > 0 {
		words = append(words, i.Delay.String())
	}
	if i.Jitter > 0 {
		words = append(words, "jitter "+i.Jitter.String())
	}
	for _, p := range []struct {
		name    string
		percent float64
	}{{"loss", i.Loss}, {"duplicate", i.Duplicate}, {"reorder", i.Reorder}, {"corrupt", i.Corrupt}} {
		if p.percent > 0 {
			words = append(words, p.name+" "+strconv.FormatFloat(p.percent, 'f', -1, 64)+"%")
		}
	}
	return dash(strings.Join(words, ", "))
}

// completeLinks offers labs first, and then the ends of the lab's links.
func (o *options) completeLinks(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return o.completeLabs(cmd, args, begun)
	}
	c, err := o.client()
	if err != nil || len(args) > 1 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	detail, err := c.Lab(cmd.Context(), args[0])
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var ends []string
	for _, k := range detail.Lab.Links {
		ends = append(ends, k.A.String())
	}
	return ends, cobra.ShellCompDirectiveNoFileComp
}
