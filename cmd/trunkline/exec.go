package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"trunkline/internal/cli"
	"trunkline/internal/fault"
	"trunkline/lab/hostapi"
)

func execCommand(o *options) *cobra.Command {
	var r hostapi.ExecRequest
	cmd := &cobra.Command{
		Use: "exec LAB/NODE -- COMMAND [ARGUMENT ...]", Short: "Run a command in a node; ends with its exit code", ValidArgsFunction: o.completeNodes,
		Args: func(_ *cobra.Command, args []string) error {
			if len(commandOf(args)) == 0 {
				return cli.UsageError{Err: errors.New("exec takes LAB/NODE, -- and a command")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			r.Command = commandOf(args)
			return o.runInNode(cmd.Context(), args[0], r)
		},
	}
	cmd.Flags().BoolVarP(&r.TTY, "tty", "t", false, "give the command a terminal")
	cmd.Flags().StringVarP(&r.User, "user", "u", "", "user to run it as")
	cmd.Flags().StringVarP(&r.WorkDir, "workdir", "w", "", "folder to run it in")
	cmd.Flags().SetInterspersed(false)
	return cmd
}

// commandOf is what follows the node. Flags end at the node, so that the command's own reach it; the customary -- between them is dropped.
func commandOf(args []string) []string {
	if len(args) > 1 && args[1] == "--" {
		return args[2:]
	}
	if len(args) > 0 {
		return args[1:]
	}
	return nil
}

func shellCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "shell LAB/NODE", Short: "Open a shell in a node", Args: cli.Exactly("LAB/NODE"), ValidArgsFunction: o.completeNodes,
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.runInNode(cmd.Context(), args[0], hostapi.ExecRequest{TTY: true})
		},
	}
}

// runInNode connects this process's standard streams with a command and ends with its exit code.
func (o *options) runInNode(ctx context.Context, name string, r hostapi.ExecRequest) error {
	lab, node, err := splitNode(name)
	if err != nil {
		return err
	}
	c, err := o.client()
	if err != nil {
		return err
	}
	input := int(os.Stdin.Fd())
	raw := r.TTY && term.IsTerminal(input)
	if raw {
		if cols, rows, err := term.GetSize(input); err == nil {
			r.Cols, r.Rows = uint16(cols), uint16(rows)
		}
	}
	conn, err := c.Exec(ctx, lab, node, r)
	if err != nil {
		return err
	}
	defer conn.Close()
	if raw {
		before, err := term.MakeRaw(input)
		if err != nil {
			return fault.Wrap(err, fault.Unsupported, "This terminal cannot be used for a shell.")
		}
		defer term.Restore(input, before)
		defer followSize(input, conn)()
	}
	go sendInput(conn) // ends with the process or with standard input
	return printOutput(conn)
}

func sendInput(conn *hostapi.ExecConn) {
	if _, err := io.Copy(conn, os.Stdin); err == nil {
		_ = conn.CloseWrite() // a command that is over needs no end of input
	}
}

func printOutput(conn *hostapi.ExecConn) error {
	for {
		kind, data, err := conn.Next()
		if errors.Is(err, io.EOF) {
			code, _ := conn.ExitCode()
			if code != 0 {
				return cli.ExitCode(code)
			}
			return nil
		}
		if err != nil {
			return err
		}
		out := os.Stdout
		if kind == hostapi.FrameStderr {
			out = os.Stderr
		}
		if _, err := out.Write(data); err != nil {
			return fault.Wrap(err, fault.Invalid, "The output cannot be written: %v.", err)
		}
	}
}

// followSize tells the node of every new size of this terminal until the returned function is called.
func followSize(terminal int, conn *hostapi.ExecConn) (stop func()) {
	changes := make(chan os.Signal, 1)
	signal.Notify(changes, syscall.SIGWINCH)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range changes {
			if cols, rows, err := term.GetSize(terminal); err == nil && conn.Resize(uint16(cols), uint16(rows)) != nil {
				return
			}
		}
	}()
	return func() { signal.Stop(changes); close(changes); <-done }
}
