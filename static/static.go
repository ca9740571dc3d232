// Package static holds what the browser is sent as it is: our style sheets and modules, the vendored libraries, the icon sprite.
//
// It knows the files, one hash over all of them, and how to serve them for ever under that hash. It refuses to know pages,
// sessions and npm: static/build makes the vendor folder and its results are committed.
package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

//go:embed css js vendor img
var files embed.FS

// prefix is where Handler is mounted.
const prefix = "/static/"

// Assets is the files with the hash that their addresses carry.
type Assets struct {
	fsys fs.FS
	hash string

	mu      sync.Mutex
	encoded map[string]asset
	modules map[string][]string // what each entry imports
}

// asset is one file ready to be sent.
type asset struct {
	kind  string
	plain []byte
	gzip  []byte // nil when packing does not help
}

// Embedded returns the assets of this build.
func Embedded() (*Assets, error) { return New(files) }

// New serves the files of fsys; the hash is taken once, now.
func New(fsys fs.FS) (*Assets, error) {
	sum := sha256.New()
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(fsys, name)
		sum.Write([]byte(name))
		sum.Write(data)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &Assets{fsys: fsys, hash: hex.EncodeToString(sum.Sum(nil))[:12], encoded: map[string]asset{}, modules: map[string][]string{}}, nil
}

// URL is the address of a file such as "css/app.css". One hash stands for all files, so modules may import each other and
// style sheets name their fonts by relative addresses.
func (a *Assets) URL(name string) string { return prefix + a.hash + "/" + name }

// ServeHTTP answers /static/HASH/NAME. An address with an old hash is answered with the present file, which is not kept.
func (a *Assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	hash, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, prefix), "/")
	found, ok := a.load(path.Clean("/" + name)[1:])
	if !ok {
		http.Error(w, "There is no such file.", http.StatusNotFound)
		return
	}
	h := w.Header()
	h.Set("Content-Type", found.kind)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-cache")
	if hash == a.hash {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	h.Add("Vary", "Accept-Encoding")
	body := found.plain
	if found.gzip != nil && AcceptsGzip(r) {
		h.Set("Content-Encoding", "gzip")
		body = found.gzip
	}
	if r.Method != http.MethodHead {
		w.Write(body)
	}
}

// AcceptsGzip says whether a request takes a gzip answer (RFC 9110, 12.5.3), by its name: "*" is not trusted.
func AcceptsGzip(r *http.Request) bool {
	for _, header := range r.Header.Values("Accept-Encoding") {
		for one := range strings.SplitSeq(header, ",") {
			coding, weight, _ := strings.Cut(one, ";")
			if !strings.EqualFold(strings.TrimSpace(coding), "gzip") {
				continue
			}
			q, err := strconv.ParseFloat(strings.TrimPrefix(strings.TrimSpace(weight), "q="), 64)
			return err != nil || q > 0 // without a weight it is accepted
		}
	}
	return false
}

// load reads and packs a file once.
func (a *Assets) load(name string) (asset, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if found, ok := a.encoded[name]; ok {
		return found, true
	}
	data, err := fs.ReadFile(a.fsys, name)
	if err != nil {
		return asset{}, false
	}
	found := asset{kind: kindOf(name), plain: data}
	if packed := pack(data); len(packed) < len(data)*9/10 {
		found.gzip = packed
	}
	a.encoded[name] = found
	return found, true
}

func pack(data []byte) []byte {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is valid
	z.Write(data)
	z.Close()
	return b.Bytes()
}

// kindOf does not depend on the machine's table of types.
func kindOf(name string) string {
	switch ext := path.Ext(name); ext {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".woff2":
		return "font/woff2"
	case ".txt":
		return "text/plain; charset=utf-8"
	case ".json":
		return "application/json"
	default:
		if kind := mime.TypeByExtension(ext); kind != "" {
			return kind
		}
		return "application/octet-stream"
	}
}

// Package is one vendored package.
type Package struct{ Name, Version, Licence string }

// Vendored lists the packages that static/vendor is made of.
func (a *Assets) Vendored() []Package {
	var m struct{ Packages []Package }
	text, err := fs.ReadFile(a.fsys, "vendor/VERSIONS.json")
	if err != nil || json.Unmarshal(text, &m) != nil {
		return nil
	}
	return m.Packages
}
