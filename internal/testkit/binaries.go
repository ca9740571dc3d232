package testkit

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// RequireEnv set to 1 makes a test fail where it would skip because something real is missing.
const RequireEnv = "TRUNKLINE_REQUIRE_REAL"

// Unable skips the test with the reason, or fails it where the real parts are required.
func Unable(t testing.TB, format string, arguments ...any) {
	t.Helper()
	if os.Getenv(RequireEnv) == "1" {
		t.Fatalf(format, arguments...)
	}
	t.Skipf(format, arguments...)
}

// work is the folder of one test run: what is built or saved once. Main removes it.
var work = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "tlk-") })

var worked bool // guarded by the test's main goroutine: Main looks after every test has ended

// Main runs a package's tests and removes what they share. Use it as TestMain's body: os.Exit(testkit.Main(m)).
func Main(m *testing.M) int {
	code := m.Run()
	if !worked {
		return code
	}
	if dir, err := work(); err == nil {
		if err := os.RemoveAll(dir); err != nil {
			fmt.Fprintln(os.Stderr, "testkit:", err)
			return max(code, 1)
		}
	}
	return code
}

// binaries are built once a run, side by side as they are installed. TRUNKLINE_BINARIES names a folder that has them already.
var binaries = sync.OnceValues(func() (string, error) {
	if folder := os.Getenv("TRUNKLINE_BINARIES"); folder != "" {
		return filepath.Join(folder, "trunkline"), nil
	}
	worked = true
	dir, err := work()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "trunkline"), errors.Join(
		build(filepath.Join(dir, "trunkline-init"), "trunkline/cmd/trunkline-init", "CGO_ENABLED=0"),
		build(filepath.Join(dir, "trunkline"), "trunkline/cmd/trunkline"))
})

// Binaries builds the program and the node init from the present checkout and returns the program's path.
func Binaries(t testing.TB) string {
	t.Helper()
	binary, err := binaries()
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

func build(to, pkg string, environment ...string) error {
	command := exec.Command("go", "build", "-buildvcs=false", "-o", to, pkg)
	command.Env = append(os.Environ(), environment...)
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%s does not build: %w\n%s", pkg, err, out)
	}
	return nil
}
