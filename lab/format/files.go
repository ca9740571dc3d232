package format

import (
	"path"
	"slices"
	"sort"
	"strings"

	"trunkline/lab"
)

// bindModes are what may follow a bind's target. Only ro says something here; the others tune a mount we do not make.
var bindModes = []string{"ro", "rw", "z", "Z", "shared", "rshared", "slave", "rslave", "private", "rprivate", "nocopy", "cached", "delegated", "consistent"}

// binds maps the files of the lab's own folder. By target, the more specific level wins.
func (b *nodeBuilder) binds() {
	at := map[string]int{}
	b.each("binds", func(v value) {
		for _, item := range v.items() {
			for _, bind := range b.bind(item) {
				if i, again := at[bind.Target]; again {
					b.n.Binds[i] = bind
					continue
				}
				at[bind.Target] = len(b.n.Binds)
				b.n.Binds = append(b.n.Binds, bind)
			}
		}
	})
	for _, bind := range b.n.Binds {
		b.p.used[bind.Source] = true
	}
}

// bind reads source:target[:modes]. A folder gives one bind for each file in it.
func (b *nodeBuilder) bind(v value) []lab.Bind {
	text, ok := v.text()
	if !ok {
		return nil
	}
	parts := strings.Split(b.magic(text), ":")
	switch {
	case len(parts) == 1:
		b.p.report.drop(v, "The volume %s is left out: a node keeps such files by itself until it is destroyed.", quote(text))
		return nil
	case len(parts) > 3 || parts[0] == "" || !path.IsAbs(parts[1]):
		v.refuse("A bind should be written as file:/absolute/path/in/node or with :ro after it, not %s.", quote(text))
		return nil
	}
	bind := lab.Bind{Target: path.Clean(parts[1]), Line: v.n.Line}
	if len(parts) == 3 {
		for _, mode := range strings.Split(parts[2], ",") {
			if !contains(bindModes, mode) {
				v.refuse("A bind has no mode %s; ro is what you may add.", quote(mode))
				return nil
			}
			bind.ReadOnly = bind.ReadOnly || mode == "ro"
		}
	}
	if path.IsAbs(parts[0]) || strings.HasPrefix(parts[0], "~") {
		b.p.report.drop(v, "The bind of %s is left out: a lab never reaches a path of its host. Put the file into the lab's folder and bind it from there.", quote(parts[0]))
		return nil
	}
	return b.sources(v, parts[0], bind)
}

// sources resolves a bind's source to the project's files.
func (b *nodeBuilder) sources(v value, source string, bind lab.Bind) []lab.Bind {
	file, ok := b.p.projectPath(source)
	if !ok {
		b.p.report.drop(v, "The bind of %s is left out: it points outside the lab's folder. Put the file into the folder.", quote(source))
		return nil
	}
	if !strings.HasSuffix(source, "/") && b.p.hasFile(file) {
		bind.Source = file
		return []lab.Bind{bind}
	}
	inside := b.p.filesBelow(file)
	if len(inside) == 0 {
		b.p.report.drop(v, "%s", b.p.missing("The bind of", source))
		return nil
	}
	binds := make([]lab.Bind, 0, len(inside))
	for _, f := range inside {
		if !isPlainPath(f) {
			b.p.report.drop(v, "The file %s is left out of the bind of %s: its name holds a colon or a character that cannot be printed. Rename it.", quote(f), quote(source))
			continue
		}
		one := bind
		one.Source, one.Target = f, path.Join(bind.Target, strings.TrimPrefix(f, file+"/"))
		binds = append(binds, one)
	}
	b.p.inherits += len(binds)
	return binds
}

// isPlainPath reports whether a path can be written in a bind.
func isPlainPath(p string) bool {
	return !strings.Contains(p, ":") && !strings.Contains(p, "{{") && strings.IndexFunc(p, func(r rune) bool { return isForbidden(r) || r == '\n' || r == '\r' }) < 0
}

// startupConfig is text in the lab file when it has a line end, a file of the project otherwise.
func (b *nodeBuilder) startupConfig() {
	v, ok := b.first("startup-config")
	if !ok {
		return
	}
	text, ok := v.text()
	if !ok {
		return
	}
	if strings.Contains(text, "\n") {
		b.n.StartupConfig = &lab.FileContent{Inline: text}
		return
	}
	source := b.magic(text)
	file, inside := b.p.projectPath(source)
	switch {
	case strings.Contains(source, "://"):
		b.p.report.drop(v, "The startup-config %s is left out: nothing is fetched from other sites. Put the file into the lab's folder.", quote(source))
	case path.IsAbs(source) || !inside:
		b.p.report.drop(v, "The startup-config %s is left out: it is outside the lab's folder. Put the file into the folder.", quote(source))
	case !b.p.hasFile(file):
		b.p.report.drop(v, "%s", b.p.missing("The startup-config", source))
	default:
		b.n.StartupConfig = &lab.FileContent{Path: file}
		b.p.used[file] = true
	}
}

// environment merges env-files and, over them, env.
func (b *nodeBuilder) environment() map[string]string {
	merged := map[string]string{}
	b.each("env-files", func(v value) {
		for _, item := range v.items() {
			b.envFile(item, merged)
		}
	})
	own := b.mergedMap("env")
	for _, name := range sortedKeys(own) {
		if name == "__IMPORT_ENVS" {
			b.p.report.dropAt(b.path+".env."+name, "__IMPORT_ENVS is left out: the server's environment is never handed to a lab.")
			continue
		}
		merged[name] = own[name]
	}
	if len(merged) == 0 {
		return nil
	}
	return merged
}

// envFile reads NAME=value lines of a project file.
func (b *nodeBuilder) envFile(v value, into map[string]string) {
	text, ok := v.text()
	if !ok {
		return
	}
	source := b.magic(text)
	file, inside := b.p.projectPath(source)
	if !inside || path.IsAbs(source) || !b.p.hasFile(file) || b.p.in.ReadFile == nil {
		b.p.report.drop(v, "%s", b.p.missing("The env-file", source))
		return
	}
	data, err := b.p.in.ReadFile(file)
	if err != nil || len(data) > MaxBytes {
		b.p.report.drop(v, "The env-file %s is left out: it cannot be read, or has more than %d bytes.", quote(source), MaxBytes)
		return
	}
	for _, line := range strings.Split(string(data), "\n") {
		name, text, given := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "export "), "=")
		if name = strings.TrimSpace(name); given && leadingName(name) == name && name != "" && strings.IndexFunc(text, isForbidden) < 0 {
			into[name] = strings.Trim(strings.TrimSpace(text), `"'`)
		}
	}
}

// projectPath joins a path of the lab file with the file's own folder; false when that leaves the project.
func (p *parser) projectPath(source string) (string, bool) {
	joined := path.Join(path.Dir(p.in.File), source)
	return joined, joined != ".." && !strings.HasPrefix(joined, "../") && !path.IsAbs(joined)
}

func (p *parser) hasFile(file string) bool { return p.in.HasFile != nil && p.in.HasFile(file) }

// filesBelow lists the project's files in a folder, sorted.
func (p *parser) filesBelow(folder string) []string {
	if p.in.ListFiles == nil {
		return nil
	}
	if p.files == nil {
		p.files = slices.Clone(p.in.ListFiles())
		slices.Sort(p.files)
	}
	if folder == "." {
		return p.files
	}
	first := sort.SearchStrings(p.files, folder+"/")
	last := first
	for last < len(p.files) && strings.HasPrefix(p.files[last], folder+"/") {
		last++
	}
	return p.files[first:last]
}

// missing says why a file is not there.
func (p *parser) missing(what, source string) string {
	if p.in.HasFile == nil {
		return what + " " + quote(source) + " is left out: only the lab file was given. Import its folder or a zip of it."
	}
	return what + " " + quote(source) + " is left out: there is no such file in the lab's folder. Add it and import again."
}

func (p *parser) usedFiles() []string {
	return sortedKeys(p.used)
}

func sortedKeys[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
