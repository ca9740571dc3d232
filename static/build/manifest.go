package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// vendored is one file of static/vendor. The same shape is read by the test in package static.
type vendored struct {
	Path   string `json:"path"`
	Bytes  int    `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// manifest writes VERSIONS.json: which packages at which version and licence, and the hash of each file made of them.
func manifest(_, out string) error {
	entries, err := os.ReadDir(out)
	if err != nil {
		return err
	}
	var files []vendored
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(out, e.Name()))
		if err != nil {
			return err
		}
		sum := sha256.Sum256(data)
		files = append(files, vendored{e.Name(), len(data), hex.EncodeToString(sum[:])})
	}
	text, err := json.MarshalIndent(map[string]any{"packages": packages, "files": files}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, "VERSIONS.json"), append(text, '\n'), 0o644)
}

// licences gathers the licence text of every package in one file, and checks that npm installed the version that we pinned.
func licences(modules, out string) error {
	var b bytes.Buffer
	for _, p := range packages {
		dir := filepath.Join(modules, filepath.FromSlash(p.Name))
		var installed struct{ Version, License string }
		text, err := os.ReadFile(filepath.Join(dir, "package.json"))
		if err != nil {
			return err
		}
		if err := json.Unmarshal(text, &installed); err != nil {
			return err
		}
		if installed.Version != p.Version || installed.License != p.Licence {
			return fmt.Errorf("%s: installed %s (%s), pinned %s (%s)", p.Name, installed.Version, installed.License, p.Version, p.Licence)
		}
		fmt.Fprintf(&b, "==== %s %s (%s)\n\n", p.Name, p.Version, p.Licence)
		found, err := filepath.Glob(filepath.Join(dir, "LICEN[CS]E*"))
		if err != nil {
			return err
		}
		for _, f := range found {
			text, err := os.ReadFile(f)
			if err != nil {
				return err
			}
			b.Write(bytes.TrimSpace(text))
			b.WriteString("\n\n")
		}
	}
	return os.WriteFile(filepath.Join(out, "LICENCES.txt"), b.Bytes(), 0o644)
}
