package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"github.com/evanw/esbuild/pkg/api"
)

// bundle makes one module of each entry in bundles.
func bundle(modules, out string) error {
	for name, entry := range bundles {
		result := api.Build(api.BuildOptions{
			Stdin:             &api.StdinOptions{Contents: entry, ResolveDir: filepath.Dir(modules), Sourcefile: name},
			Bundle:            true,
			MinifyWhitespace:  true,
			MinifyIdentifiers: true,
			MinifySyntax:      true,
			Format:            api.FormatESModule,
			Target:            api.ES2022,
			Charset:           api.CharsetUTF8,
			LegalComments:     api.LegalCommentsNone, // they are in LICENCES.txt
			Outfile:           filepath.Join(out, name),
			Write:             true,
			Plugins:           []api.Plugin{policyPatch()},
		})
		if len(result.Errors) > 0 {
			return fmt.Errorf("%s: %s", name, result.Errors[0].Text)
		}
	}
	return nil
}

// patch is a change of a package's text that must match exactly so many times, so that an update cannot lose it.
type patch struct {
	file  string
	find  *regexp.Regexp
	with  string
	count int
}

// patches let xterm run without 'unsafe-inline': style elements get the page's nonce, style attributes become CSSOM calls.
var patches = []patch{
	{"xterm.mjs", regexp.MustCompile(`([\w$.]+)\.createElement\("style"\)`),
		`Object.assign($1.createElement("style"),{nonce:(document.querySelector("script[nonce]")||{}).nonce||""})`, 3},
	{"xterm.mjs", regexp.MustCompile("(\\w+)\\.setAttribute\\(\"style\",`\\$\\{\\w+\\.getAttribute\\(\"style\"\\)\\|\\|\"\"\\}\\$\\{(\\w+)\\};`\\)"),
		"$1.style.cssText+=$2+\";\"", 1},
}

// policyPatch applies the patches when a package is loaded.
func policyPatch() api.Plugin {
	return api.Plugin{Name: "policy", Setup: func(b api.PluginBuild) {
		b.OnLoad(api.OnLoadOptions{Filter: `/xterm\.mjs$`}, func(args api.OnLoadArgs) (api.OnLoadResult, error) {
			text, err := os.ReadFile(args.Path)
			if err != nil {
				return api.OnLoadResult{}, err
			}
			for _, p := range patches {
				if filepath.Base(args.Path) != p.file {
					continue
				}
				if n := len(p.find.FindAll(text, -1)); n != p.count {
					return api.OnLoadResult{}, fmt.Errorf("%s: %q found %d times, want %d: look at the new version", p.file, p.find, n, p.count)
				}
				text = p.find.ReplaceAll(text, []byte(p.with))
			}
			contents := string(text)
			return api.OnLoadResult{Contents: &contents, Loader: api.LoaderJS}, nil
		})
	}}
}

// copyFiles takes files over as they are.
func copyFiles(modules, out string) error {
	for from, to := range copies {
		data, err := os.ReadFile(filepath.Join(modules, filepath.FromSlash(from)))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(out, to), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// forTests takes over what only the browser tests load.
func forTests(modules, _ string) error {
	data, err := os.ReadFile(filepath.Join(modules, axe.Name, "axe.min.js"))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join("web", "testdata", "axe.min.js"), data, 0o644)
}
