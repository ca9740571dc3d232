package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"trunkline/internal/cli"
	"trunkline/internal/fault"
	"trunkline/store"
	"trunkline/tenancy"
)

func auditVerify(o *options) *cobra.Command {
	var s dataSettings
	var noted []string
	cmd := &cobra.Command{
		Use: "verify [FILE]", Short: "Check that no event was changed, added or taken away", Args: cobra.MaximumNArgs(1),
		Long: "Check that no event was changed, added or taken away: in the database, or in a file that trunkline audit export wrote. It prints the mark of the last event. Keep it " +
			"somewhere else and give it by --noted the next time: then nobody can have made the whole chain anew.",
		RunE: func(cmd *cobra.Command, args []string) error {
			var known []tenancy.AuditMark
			for _, text := range noted {
				mark, err := tenancy.ParseAuditMark(text)
				if err != nil {
					return cli.UsageError{Err: err}
				}
				known = append(known, mark)
			}
			if len(args) == 1 {
				return verifyFile(o, args[0], known)
			}
			return s.verify(cmd.Context(), o, known)
		},
	}
	cmd.Flags().StringSliceVar(&noted, "noted", nil, "NUMBER:HASH as printed earlier; may be given more than once")
	cli.Bind(cmd, &s, s.flags)
	return cmd
}

func (s *dataSettings) verify(ctx context.Context, o *options, known []tenancy.AuditMark) error {
	return s.withAudit(ctx, func(_ *store.Store, log *store.AuditLog) error {
		proof, err := log.Verify(ctx, known...)
		if err != nil {
			return err
		}
		err = o.print(proof, func(w io.Writer) {
			if proof.Broken == nil {
				fmt.Fprintf(w, "%d events follow from each other.", proof.Events)
				if proof.From.Number > 0 {
					fmt.Fprintf(w, " Those up to %d were taken away.", proof.From.Number)
				}
				fmt.Fprintf(w, "\nNote down: %s\n", proof.Head)
			}
		})
		return errors.Join(err, brokenChain(proof.Broken))
	})
}

func verifyFile(o *options, name string, known []tenancy.AuditMark) error {
	file, err := os.Open(name)
	if err != nil {
		return fault.Wrap(err, fault.NotFound, "The file %s cannot be read. Check its name and its rights.", name)
	}
	proof, err := tenancy.VerifyAuditLines(file, known...)
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	err = o.print(proof, func(w io.Writer) {
		if proof.Broken != nil {
			return
		}
		fmt.Fprintf(w, "%d events are what was written, from %d to %d.\n", proof.Events, proof.First.Number, proof.Last.Number)
		if proof.Gaps > 0 {
			fmt.Fprintf(w, "In %d places events are left out, as in an export of one workspace or by a filter.\n", proof.Gaps)
		}
	})
	return errors.Join(err, brokenChain(proof.Broken))
}

// brokenChain is the error that ends the command with code 1.
func brokenChain(at *tenancy.AuditBreak) error {
	if at == nil {
		return nil
	}
	return fault.New(fault.Conflict, "The audit is not what was written. %s", at.Why)
}

func auditPrune(o *options) *cobra.Command {
	var s dataSettings
	var before, file string
	cmd := &cobra.Command{
		Use: "prune --before TIME --export FILE", Short: "Take away old events, after they were written to a file", Args: cli.Exactly(),
		Long: "Take away old events, after they were written to a file. What is left stays verifiable: a checkpoint keeps the hash that it goes on from, and an event tells who " +
			"took away what.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			at, err := timeFlag("--before", before, time.Now())
			if err != nil {
				return err
			}
			if at.IsZero() || file == "" {
				return cli.UsageError{Err: fault.New(fault.Invalid, "Give --before, and by --export the file that keeps what is taken away.")}
			}
			return s.withAudit(cmd.Context(), func(_ *store.Store, log *store.AuditLog) error {
				events := 0
				err := store.WriteFile(file, false, func(w io.Writer) (err error) {
					events, err = writeEvents(cmd.Context(), w, log, tenancy.Everywhere(), store.AuditFilter{Until: at})
					return err
				})
				if err != nil {
					return err
				}
				mark, err := log.Prune(cmd.Context(), at, tenancy.AuditEvent{Actor: whoIsHere()})
				if err != nil {
					return err
				}
				return o.print(mark, func(w io.Writer) {
					if mark.Number == 0 {
						fmt.Fprintln(w, "There are no events before that.")
						return
					}
					fmt.Fprintf(w, "%d events are in %s; those up to %d were taken away.\n", events, file, mark.Number)
				})
			})
		},
	}
	cmd.Flags().StringVar(&before, "before", "", "a date, a time, or how long ago, such as 8760h for a year")
	cmd.Flags().StringVar(&file, "export", "", "file for what is taken away; it must not be there")
	cli.Bind(cmd, &s, s.flags)
	return cmd
}
