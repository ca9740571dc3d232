package static

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"io/fs"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestVendoredFilesAreTheOnesInTheManifest(t *testing.T) {
	text, err := files.ReadFile("vendor/VERSIONS.json")
	if err != nil {
		t.Fatal(err)
	}
	var m struct {
		Packages []struct{ Name, Version, Licence string }
		Files    []struct{ Path, SHA256 string }
	}
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	listed := map[string]string{"VERSIONS.json": ""}
	for _, f := range m.Files {
		listed[f.Path] = f.SHA256
	}
	entries, err := files.ReadDir("vendor")
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != len(listed) {
		t.Errorf("vendor holds %d files, the manifest lists %d: run go run ./static/build", len(entries), len(listed))
	}
	for _, e := range entries {
		data, _ := files.ReadFile("vendor/" + e.Name())
		sum := sha256.Sum256(data)
		if want := listed[e.Name()]; want != "" && want != hex.EncodeToString(sum[:]) {
			t.Errorf("vendor/%s was changed by hand", e.Name())
		}
	}
	notices, _ := files.ReadFile("vendor/LICENCES.txt")
	for _, p := range m.Packages {
		if p.Version == "" || p.Licence == "" || !strings.Contains(string(notices), "==== "+p.Name+" "+p.Version) {
			t.Errorf("%s has no pinned version or licence notice", p.Name)
		}
	}
}

func TestAPageIsToldAllModulesThatItWants(t *testing.T) {
	assets, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	modules := assets.Modules("js/lab.js")
	if modules[0] != "js/lab.js" || !slices.Contains(modules, "js/map.js") || !slices.Contains(modules, "js/mapview.js") || !slices.Contains(modules, "vendor/xterm.js") {
		t.Errorf("the lab's page wants %q", modules)
	}
	if slices.Contains(modules, "js/charts.js") || slices.Contains(modules, "vendor/codemirror.js") {
		t.Error("what is loaded when somebody asks for it is loaded with the page")
	}
	for _, name := range modules {
		if _, err := fs.Stat(files, name); err != nil {
			t.Error(err)
		}
	}
}

func TestEveryImportOfOurModulesExists(t *testing.T) {
	imports := regexp.MustCompile(`(?:from|import)\s*\(?\s*"(\.[^"]+)"`)
	modules, _ := fs.Glob(files, "js/*.js")
	if len(modules) == 0 {
		t.Fatal("there are no modules of ours")
	}
	for _, name := range modules {
		text, _ := files.ReadFile(name)
		for _, m := range imports.FindAllStringSubmatch(string(text), -1) {
			target := strings.TrimPrefix(m[1], "../")
			if strings.HasPrefix(m[1], "./") {
				target = "js/" + m[1][2:]
			}
			if _, err := fs.Stat(files, target); err != nil {
				t.Errorf("%s imports %s: %v", name, m[1], err)
			}
		}
	}
}

func TestAssetsAreKeptForEverUnderTheirHashOnly(t *testing.T) {
	a, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	get := func(url, encoding string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", url, nil)
		r.Header.Set("Accept-Encoding", encoding)
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		return w
	}
	w := get(a.URL("vendor/htmx.js"), "gzip")
	if w.Code != 200 || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") || w.Header().Get("Content-Encoding") != "gzip" {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	z, err := gzip.NewReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	unpacked, _ := io.ReadAll(z)
	plain := get("/static/old/vendor/htmx.js", "")
	if plain.Body.String() != string(unpacked) || strings.Contains(plain.Header().Get("Cache-Control"), "immutable") {
		t.Error("an old hash must give the present bytes and not be kept")
	}
	for _, bad := range []string{"/static/x/../static.go", "/static/x/vendor/none.js", "/static/x/", "/static/x/vendor"} {
		if w := get(bad, ""); w.Code != 404 {
			t.Errorf("%s: %d", bad, w.Code)
		}
	}
}

func TestGzipIsSentToWhoTakesIt(t *testing.T) {
	for header, want := range map[string]bool{
		"": false, "gzip": true, "br, GZIP;q=0.5": true, "deflate, gzip; q=1.0": true, "gzip;q=0": false, "gzip;q=0.000, br": false, "*": false, "xgzip": false,
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Accept-Encoding", header)
		if got := AcceptsGzip(r); got != want {
			t.Errorf("Accept-Encoding %q: %v, want %v", header, got, want)
		}
	}
}
