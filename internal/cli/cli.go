// Package cli is what our programs share on the command line: exit codes, the way an error is told, settings from the environment and
// from flags, and the command that runs a compute host.
//
// It knows cobra and the environment. It refuses to know the controller, so that the agent alone stays small.
package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"trunkline/internal/fault"
)

// Exit codes: what a script can rely on.
const (
	Failed = 1
	Usage  = 2
)

// ExitCode ends the program with a command's own code, as trunkline exec does.
type ExitCode int

func (e ExitCode) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// UsageError is a mistake in flags or arguments.
type UsageError struct{ Err error }

func (e UsageError) Error() string { return e.Err.Error() }

func (e UsageError) Unwrap() error { return e.Err }

// Main runs the command until it ends or a signal comes, and exits.
func Main(root *cobra.Command) {
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return UsageError{err} })
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := root.ExecuteContext(ctx)
	stop()
	os.Exit(report(root.Name(), err))
}

// report prints what a person should read and returns the exit code.
func report(program string, err error) int {
	if err == nil {
		return 0
	}
	if code, ok := errors.AsType[ExitCode](err); ok {
		return int(code)
	}
	if usage, ok := errors.AsType[UsageError](err); ok {
		fmt.Fprintf(os.Stderr, "%s: %s\nSee %s --help.\n", program, plain(usage.Err), program)
		return Usage
	}
	fmt.Fprintf(os.Stderr, "%s: %s\n", program, plain(err))
	if problem, ok := errors.AsType[*fault.Error](err); ok {
		for _, place := range problem.Details {
			fmt.Fprintln(os.Stderr, "  "+place.String())
		}
	}
	return Failed
}

// plain is the sentence for a person where there is one.
func plain(err error) string {
	if problem, ok := errors.AsType[*fault.Error](err); ok {
		return problem.Sentence
	}
	if errors.Is(err, context.Canceled) {
		return "interrupted"
	}
	return err.Error()
}

// Group makes a command that only holds others: alone it shows its help, and a word that is none of them is wrong usage.
func Group(cmd *cobra.Command) *cobra.Command {
	cmd.Args, cmd.SuggestionsMinimumDistance = cobra.ArbitraryArgs, 2
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			return UsageError{fmt.Errorf("%s has no command %q; did you mean %s?", cmd.CommandPath(), args[0], near[0])}
		}
		return UsageError{fmt.Errorf("%s has no command %q", cmd.CommandPath(), args[0])}
	}
	return cmd
}

// Exactly is cobra.ExactArgs with our exit code and a sentence that names the arguments.
func Exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == len(names) {
			return nil
		}
		if len(names) == 0 {
			return UsageError{fmt.Errorf("%s takes no arguments, and there is %q", cmd.CommandPath(), args[0])}
		}
		return UsageError{fmt.Errorf("%s takes %d argument(s): %v", cmd.CommandPath(), len(names), names)}
	}
}
