package static

import (
	"io/fs"
	"path"
	"regexp"
)

// imported finds what a module imports when it is loaded, not what it asks for later by import().
var imported = regexp.MustCompile(`(?:\bfrom|^import|\nimport)\s*"(\.[^"]+)"`)

// Modules lists a module such as "js/app.js" and all that it imports, the nearest first: a page that names them lets the browser ask for all at
// once, and not for each when it has read who wants it.
func (a *Assets) Modules(entry string) []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if known := a.modules[entry]; known != nil {
		return known
	}
	all, seen := []string{entry}, map[string]bool{entry: true}
	for i := 0; i < len(all); i++ {
		text, err := fs.ReadFile(a.fsys, all[i])
		if err != nil {
			continue // a test finds imports of what is not there
		}
		for _, m := range imported.FindAllSubmatch(text, -1) {
			name := path.Join(path.Dir(all[i]), string(m[1]))
			if !seen[name] {
				seen[name] = true
				all = append(all, name)
			}
		}
	}
	a.modules[entry] = all
	return all
}
