package main

import (
	"os"
	"os/signal"
	"syscall"
)

// signals is what this process is told: that a child ended, and everything else, which is for the command.
type signals struct {
	child   <-chan os.Signal
	forward <-chan syscall.Signal
}

// powerOff is SIGRTMIN+3, which asks an init system to end (systemd(1)).
const powerOff = syscall.Signal(37)

// listen catches every signal that can be passed on. Left out are those the kernel raises for a fault in this process, those of job
// control, and SIGURG and SIGPROF, which the Go runtime sends to itself.
func listen() signals {
	child := make(chan os.Signal, 1)
	signal.Notify(child, syscall.SIGCHLD)
	raw := make(chan os.Signal, 64)
	signal.Notify(raw, syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGALRM, syscall.SIGTERM,
		syscall.SIGCONT, syscall.SIGWINCH, syscall.SIGIO, syscall.SIGPWR, powerOff)
	forward := make(chan syscall.Signal)
	go func() {
		for sig := range raw {
			forward <- sig.(syscall.Signal)
		}
	}()
	return signals{child: child, forward: forward}
}

// ends tells whether a signal asks a node to end, as container engines and people mean it.
func ends(sig syscall.Signal) bool {
	switch sig {
	case syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP, syscall.SIGPWR, powerOff:
		return true
	}
	return false
}

// supervise forwards signals to pid and reaps every child until pid has ended; with keep until this process is asked to end. pid 0
// stands for no command. It returns the command's exit code.
func supervise(pid int, keep bool, signals signals) int {
	code, asked := 0, false
	for {
		select {
		case <-signals.child:
			if c, gone := reap(pid); gone {
				pid, code = 0, c
				if !keep || asked {
					return code
				}
			}
		case sig := <-signals.forward:
			asked = asked || ends(sig)
			if pid == 0 {
				if asked {
					return code
				}
				continue
			}
			// A command that has just ended is not an error: its SIGCHLD is on the way.
			_ = syscall.Kill(pid, sig)
		}
	}
}

// reap collects every child that has ended. When pid is one of them it returns its exit code and true.
func reap(pid int) (code int, gone bool) {
	for {
		var status syscall.WaitStatus
		got, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || got <= 0 {
			return code, gone
		}
		if pid != 0 && got == pid {
			gone = true
			code = exitCode(status)
		}
	}
}

// exitCode is a shell's $?: the exit status, or 128 and the number of the signal that ended the process.
func exitCode(status syscall.WaitStatus) int {
	if status.Signaled() {
		return exitBySignal + int(status.Signal())
	}
	return status.ExitStatus()
}
