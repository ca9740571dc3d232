package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"trunkline/internal/cli"
	"trunkline/lab/control"
)

func offerCommand(o *options) *cobra.Command {
	cmd := cli.Group(&cobra.Command{Use: "offer", Short: "The physical networks that workspaces may attach labs to"})
	cmd.AddCommand(offerList(o), offerSave(o), offerRemove(o))
	return cmd
}

func offerList(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "ls", Aliases: []string{"list"}, Short: "List them with their interfaces and VLANs", Args: cli.Exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			offers, err := c.Offers(cmd.Context())
			if err != nil {
				return err
			}
			hosts, err := c.Hosts(cmd.Context())
			if err != nil {
				return err
			}
			names := map[string]string{}
			for _, h := range hosts {
				names[h.ID] = h.Name
			}
			return o.print(offers, func(w io.Writer) {
				fmt.Fprintln(w, "NETWORK\tINTERFACES\tVLANS")
				for _, offer := range offers {
					fmt.Fprintf(w, "%s\t%s\t%s\n", offer.Network, deviceWords(offer.Devices, names), vlanWords(offer.VLANs))
				}
			})
		},
	}
}

func deviceWords(devices, names map[string]string) string {
	var list []string
	for _, id := range slices.Sorted(maps.Keys(devices)) {
		list = append(list, firstOf(names[id], id)+":"+devices[id])
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

func vlanWords(vlans []control.OfferedVLAN) string {
	var list []string
	for _, v := range vlans {
		list = append(list, strconv.Itoa(v.VLAN)+"="+v.Tenant)
	}
	return strings.Join(list, " ")
}

func offerSave(o *options) *cobra.Command {
	var devices map[string]string
	var vlans []string
	cmd := &cobra.Command{
		Use: "set NETWORK", Short: "Offer a physical network, or replace the offer", Args: cli.Exactly("NETWORK"), ValidArgsFunction: o.completeOffers,
		Example: "  trunkline hosts offer set campus --device host-a=eth1 --vlan 120=physics --vlan 200-209=chemistry",
		RunE: func(cmd *cobra.Command, args []string) error {
			offer := control.Offer{Network: args[0], Devices: devices}
			for _, text := range vlans {
				more, err := parseVLAN(text)
				if err != nil {
					return err
				}
				offer.VLANs = append(offer.VLANs, more...)
			}
			c, err := o.client()
			if err != nil {
				return err
			}
			return c.SaveOffer(cmd.Context(), offer)
		},
	}
	cmd.Flags().StringToStringVar(&devices, "device", nil, "HOST=INTERFACE on the network; may be repeated")
	cmd.Flags().StringArrayVar(&vlans, "vlan", nil, "VLAN=WORKSPACE or FROM-TO=WORKSPACE; VLAN 0 is untagged frames; may be repeated")
	return cmd
}

// parseVLAN reads 120=physics and 200-209=physics.
func parseVLAN(text string) ([]control.OfferedVLAN, error) {
	wrong := cli.UsageError{Err: fmt.Errorf("%q is not of the form VLAN=WORKSPACE or FROM-TO=WORKSPACE", text)}
	numbers, workspace, ok := strings.Cut(text, "=")
	from, to, isRange := strings.Cut(numbers, "-")
	if !isRange {
		to = from
	}
	first, err1 := strconv.Atoi(from)
	last, err2 := strconv.Atoi(to)
	if !ok || workspace == "" || errors.Join(err1, err2) != nil || first < 0 || last > 4094 || first > last || first == 0 && last > 0 {
		return nil, wrong
	}
	var list []control.OfferedVLAN
	for vlan := first; vlan <= last; vlan++ {
		list = append(list, control.OfferedVLAN{VLAN: vlan, Tenant: workspace})
	}
	return list, nil
}

func offerRemove(o *options) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "rm NETWORK", Short: "Take an offer back; refused while a lab uses it", Args: cli.Exactly("NETWORK"), ValidArgsFunction: o.completeOffers,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := confirm(yes, "Take "+args[0]+" back? Labs can no longer be attached to it."); err != nil {
				return err
			}
			c, err := o.client()
			if err != nil {
				return err
			}
			return c.DeleteOffer(cmd.Context(), args[0])
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return cmd
}

func (o *options) completeOffers(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	c, err := o.client()
	if err != nil || len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	offers, err := c.Offers(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, offer := range offers {
		names = append(names, offer.Network)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

func networksCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "networks", Short: "What the workspace has of network identifiers, and the physical networks offered to it", Args: cli.Exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			has, err := c.Networks(cmd.Context())
			if err != nil {
				return err
			}
			return o.print(has, func(w io.Writer) { printNetworks(w, has) })
		},
	}
}

func printNetworks(w io.Writer, has control.Networks) {
	fmt.Fprintln(w, "IDENTIFIERS\tIN USE\tRESTING\tFREE")
	for _, b := range has.Blocks {
		fmt.Fprintf(w, "%d-%d\t%d\t%d\t%d\n", b.First, b.Last, b.Used, b.Rests, int(b.Last-b.First)+1-b.Used-b.Rests)
	}
	if len(has.Blocks) == 0 {
		fmt.Fprintln(w, "none yet: the first lab over several hosts gets some")
	}
	fmt.Fprintln(w, "\nNETWORK OUTSIDE\tVLAN")
	for _, offer := range has.Offers {
		for _, v := range offer.VLANs {
			vlan := strconv.Itoa(v.VLAN)
			if v.VLAN == 0 {
				vlan = "untagged"
			}
			fmt.Fprintf(w, "%s\t%s\n", offer.Network, vlan)
		}
	}
	if len(has.Offers) == 0 {
		fmt.Fprintln(w, "none is offered to this workspace")
	}
}
