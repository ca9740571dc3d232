// Command build makes static/vendor from npm packages at pinned versions.
//
// It knows which packages we take, how they are bundled, and what we change in them so that they run under our content
// security policy. It refuses to know our own modules, which are served as they are written. Its results are committed, so
// neither go build nor the tests need Node or a network: run it by hand (go run ./static/build) after a change of a version.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "static/build:", err)
		os.Exit(1)
	}
}

// run fetches, bundles, and writes static/vendor below the present folder, which must be the repository's root.
func run() error {
	out := filepath.Join("static", "vendor")
	if _, err := os.Stat(filepath.Join("static", "icons")); err != nil {
		return fmt.Errorf("start it from the root of the repository: %w", err)
	}
	modules, clean, err := fetch()
	if err != nil {
		return err
	}
	defer clean()
	if err := os.RemoveAll(out); err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	steps := []func(modules, out string) error{bundle, copyFiles, sprite, licences, manifest, forTests}
	for _, step := range steps {
		if err := step(modules, out); err != nil {
			return err
		}
	}
	return nil
}

// fetch installs the pinned packages in a temporary folder, without running any of their scripts.
func fetch() (modules string, clean func(), err error) {
	dir, err := os.MkdirTemp("", "trunkline-static-")
	if err != nil {
		return "", nil, err
	}
	clean = func() { os.RemoveAll(dir) }
	wanted := append([]pkg{axe}, packages...)
	args := []string{"install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--save-exact", "--prefix", dir}
	for _, p := range wanted {
		args = append(args, p.Name+"@"+p.Version)
	}
	cmd := exec.Command("npm", args...)
	cmd.Dir = dir
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		clean()
		return "", nil, fmt.Errorf("npm install: %w", err)
	}
	return filepath.Join(dir, "node_modules"), clean, nil
}
