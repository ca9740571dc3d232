// Command guest is the init of a kernel that a test boots: it turns the machine's own file system, seen read-only, into a compute host
// with Docker, Open vSwitch and the agent, and does in it what the test asks.
//
// It knows mounts, modules, daemons and sockets of its own kernel. It refuses to know what is proven and how the kernel was booted.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"

	"trunkline/internal/kernel/ask"
)

// answering is the argument of the second half: process 1 makes the file system and then only buries the dead.
const answering = "answer"

func main() {
	config, err := readConfig()
	if err == nil {
		if len(os.Args) > 1 && os.Args[1] == answering {
			err = answer(config)
		} else if os.Getpid() == 1 {
			err = initialise(config)
		} else {
			err = fmt.Errorf("this is the init of a test's kernel, and nothing else")
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "guest:", err)
	}
	if os.Getpid() == 1 {
		_ = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF) // returns only when it failed, and then the kernel panics on our end
	}
	os.Exit(1)
}

func readConfig() (config ask.Config, err error) {
	text, err := os.ReadFile(os.Getenv(ask.ConfigVariable))
	if err != nil {
		return config, fmt.Errorf("the kernel's command line must name the configuration as %s: %w", ask.ConfigVariable, err)
	}
	return config, json.Unmarshal(text, &config)
}

// initialise is process 1.
func initialise(config ask.Config) error {
	if err := makeRoot(config.Shared); err != nil {
		return err
	}
	self := exec.Command("/proc/self/exe", answering)
	self.Env = []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "TMPDIR=/tmp",
		ask.ConfigVariable + "=" + os.Getenv(ask.ConfigVariable),
	}
	self.Stdout, self.Stderr = os.Stdout, os.Stderr
	if err := self.Start(); err != nil {
		return err
	}
	for { // orphans are ours to wait for
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, 0, nil)
		if err == nil && pid == self.Process.Pid {
			return fmt.Errorf("the guest's programs ended: %v", status)
		}
		if err != nil && err != unix.EINTR {
			return err
		}
	}
}
