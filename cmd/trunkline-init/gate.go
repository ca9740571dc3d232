package main

import (
	"os"
	"syscall"
)

// waitAtGate blocks until somebody opens the FIFO at path for writing. It returns early with the signal that asks this process to end.
func waitAtGate(path string, signals signals) (syscall.Signal, error) {
	opened := make(chan error, 1)
	go func() {
		// Opening a FIFO for reading returns once there is a writer. Any other file opens at once, which leaves the gate open for good.
		f, err := os.Open(path)
		if err == nil {
			err = f.Close()
		}
		opened <- err
	}()
	for {
		select {
		case err := <-opened:
			return 0, err
		case sig := <-signals.forward:
			if ends(sig) {
				return sig, nil
			}
		case <-signals.child:
			reap(0)
		}
	}
}
