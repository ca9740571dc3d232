// Command trunkline-init is process 1 of every lab node. It waits at a gate until the node's interfaces are plugged and addressed, then
// starts the node's command, hands it the signals it gets, reaps what the command leaves behind, and ends with its exit code.
//
//	trunkline-init [-keep] [-gate PATH] -- COMMAND [ARGUMENT...]
//
// -gate PATH waits until somebody opens the FIFO at PATH for writing. -keep stays alive after the command has ended by itself, or when
// there is no command. Exit codes of its own: 125 wrong use, 126 the command cannot be executed, 127 there is no such command.
//
// It knows nothing of Docker, of networks or of labs, talks to nobody, and imports no more than it needs, because it runs once in
// every node: a hundred nodes start it a hundred times.
package main

import (
	"os"
	"syscall"
)

// Exit codes as shells and container engines use them.
const (
	exitUsage         = 125
	exitNotExecutable = 126
	exitNotFound      = 127
	exitBySignal      = 128 // plus the signal's number
)

const usage = "usage: trunkline-init [-keep] [-gate PATH] -- COMMAND [ARGUMENT...]"

func main() {
	opts, err := parse(os.Args[1:])
	if err != nil {
		os.Exit(say(exitUsage, err.Error()+"; "+usage))
	}
	signals := listen()
	if opts.gate != "" {
		sig, err := waitAtGate(opts.gate, signals)
		switch {
		case err != nil:
			os.Exit(say(exitUsage, "the gate "+opts.gate+" cannot be opened: "+err.Error()))
		case sig != 0:
			os.Exit(exitBySignal + int(sig))
		}
	}
	os.Exit(run(opts, signals))
}

// options is the command line.
type options struct {
	keep bool
	gate string
	argv []string
}

// usageError is a mistake in the command line.
type usageError string

func (e usageError) Error() string { return string(e) }

// parse reads the command line by hand: package flag would pull in package fmt and reflection.
func parse(args []string) (options, error) {
	var o options
	for i := 0; i < len(args); i++ {
		switch args[i] {
		case "-keep":
			o.keep = true
		case "-gate":
			i++
			if i == len(args) || args[i] == "" {
				return o, usageError("-gate needs a path")
			}
			o.gate = args[i]
		case "--":
			o.argv = args[i+1:]
			i = len(args)
		default:
			return o, usageError("unknown option " + args[i])
		}
	}
	if len(o.argv) == 0 && !o.keep {
		return o, usageError("there is no command")
	}
	return o, nil
}

// run starts the command and returns the exit code for this process once there is nothing left to stay for.
func run(o options, signals signals) int {
	if len(o.argv) == 0 {
		return supervise(0, true, signals)
	}
	pid, code, err := start(o.argv)
	if err != nil {
		return say(code, err.Error())
	}
	return supervise(pid, o.keep, signals)
}

// say writes one line to standard error and returns code.
func say(code int, sentence string) int {
	// Nobody is left to tell when standard error is gone.
	_, _ = syscall.Write(2, []byte("trunkline-init: "+sentence+"\n"))
	return code
}
