package main

import (
	"os"
	"strings"
	"syscall"
)

// startError says in a sentence why a command did not start.
type startError string

func (e startError) Error() string { return string(e) }

// start runs argv with this process's environment, folder and streams. When it cannot, it returns the exit code that says why.
func start(argv []string) (pid, code int, err error) {
	path, code, err := look(argv[0])
	if err != nil {
		return 0, code, err
	}
	pid, err = syscall.ForkExec(path, argv, &syscall.ProcAttr{
		Env:   os.Environ(),
		Files: []uintptr{standardInput(), 1, 2},
	})
	switch err {
	case nil:
		return pid, 0, nil
	case syscall.ENOENT:
		return 0, exitNotExecutable, startError(path + " needs an interpreter or loader that is not in the image")
	case syscall.ENOEXEC:
		return 0, exitNotExecutable, startError(path + " is not a program this machine can run; a script needs a first line such as #!/bin/sh")
	case syscall.EACCES, syscall.EPERM:
		return 0, exitNotExecutable, startError(path + " may not be executed: " + err.Error())
	}
	return 0, exitNotExecutable, startError(path + " did not start: " + err.Error())
}

// standardInput is an input that never ends where there is none. A container without a terminal reads from /dev/null, and commands such as
// "prepare & sh", which other lab tools run on a terminal, would end at once.
func standardInput() uintptr {
	var input, null syscall.Stat_t
	if syscall.Fstat(0, &input) != nil || syscall.Stat("/dev/null", &null) != nil || input.Rdev != null.Rdev || input.Mode&syscall.S_IFMT != syscall.S_IFCHR {
		return 0
	}
	var ends [2]int
	if syscall.Pipe2(ends[:], syscall.O_CLOEXEC) != nil {
		return 0
	}
	return uintptr(ends[0]) // the other end stays open as long as this process lives
}

// look finds a command the way a shell does: a name with a slash is a path, another is searched for in PATH.
func look(name string) (path string, code int, err error) {
	if strings.Contains(name, "/") {
		if code, err := executable(name); err != nil {
			return "", code, err
		}
		return name, 0, nil
	}
	var refused error
	for dir := range strings.SplitSeq(searchPath(), ":") {
		if dir == "" {
			dir = "."
		}
		path := dir + "/" + name
		code, err := executable(path)
		if err == nil {
			return path, 0, nil
		}
		if code == exitNotExecutable && refused == nil {
			refused = err
		}
	}
	if refused != nil {
		return "", exitNotExecutable, refused
	}
	return "", exitNotFound, startError("there is no command " + quote(name) + " in this image (searched " + searchPath() + ")")
}

func searchPath() string {
	if path := os.Getenv("PATH"); path != "" {
		return path
	}
	return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
}

// executable checks that path is a file with an execute bit that this user may use.
func executable(path string) (code int, err error) {
	var st syscall.Stat_t
	if err := syscall.Stat(path, &st); err != nil {
		return exitNotFound, startError("there is no file " + path + " in this image")
	}
	if st.Mode&syscall.S_IFMT == syscall.S_IFDIR {
		return exitNotExecutable, startError(path + " is a folder, not a command")
	}
	const execute = 1
	if syscall.Access(path, execute) != nil {
		return exitNotExecutable, startError(path + " is not executable; mend it with chmod +x")
	}
	return 0, nil
}

func quote(s string) string { return "\"" + s + "\"" }
