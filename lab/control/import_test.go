package control_test

import (
	"archive/zip"
	"bytes"
	"io"
	"strings"
	"testing"

	"trunkline/internal/fault"
	"trunkline/lab/control"
)

func TestAFolderComesBackOutAsItWentIn(t *testing.T) {
	r := newRig(t).start()
	text := "name: x\ntopology:\n  nodes:\n    n1: {kind: linux, image: trunkline/tiny, binds: [\"conf/a b.txt:/a\"], labels: {graph-posX: \"10\", graph-posY: \"20\"}}\n"
	in := map[string]string{"lab/x.clab.yml": text, "lab/conf/a b.txt": "content", "lab/README.md": "about"}
	detail, report, err := r.control.Import(t.Context(), r.ada, control.ImportRequest{Name: "My lab"}, files(in))
	if err != nil {
		t.Fatalf("%v: %+v", err, report)
	}
	if detail.Name != "My lab" || detail.File != "x.clab.yml" || detail.Source != text || len(detail.Files) != 3 || len(report.Mapped) == 0 {
		t.Errorf("detail %+v, report %+v", detail, report)
	}
	if at := detail.Places["n1"]; at.X != 10 || at.Y != 20 {
		t.Errorf("n1 is drawn at %+v", at)
	}
	var out bytes.Buffer
	must(t, r.control.Export(t.Context(), r.ada, "My lab", &out))
	archive, err := zip.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len()))
	must(t, err)
	got := map[string]string{}
	for _, f := range archive.File {
		content, err := f.Open()
		must(t, err)
		data, err := io.ReadAll(content)
		must(t, err)
		got["lab/"+f.Name] = string(data)
	}
	for name, content := range in {
		if got[name] != content {
			t.Errorf("%s came back as %q", name, got[name])
		}
	}
}

func TestARefusedFileIsReportedWithItsPlacesAndNotStored(t *testing.T) {
	r := newRig(t).start()
	text := "name: x\ntopology:\n  nodes:\n    n1: {kind: linux}\n  links:\n    - endpoints: [\"n1:eth1\", \"n2:eth1\"]\n"
	for name, try := range map[string]func() (control.Report, error){
		"import": func() (control.Report, error) {
			_, report, err := r.control.Import(t.Context(), r.ada, control.ImportRequest{}, files(map[string]string{"x.clab.yml": text}))
			return report, err
		},
		"check": func() (control.Report, error) {
			return r.control.Check(t.Context(), r.ada, control.ImportRequest{}, files(map[string]string{"x.clab.yml": text}))
		},
	} {
		report, err := try()
		details := fault.Public(err).Details
		if !fault.Is(err, fault.Invalid) || len(report.Refused) != 1 || len(details) != 1 || report.Refused[0].Place != details[0] {
			t.Fatalf("%s: %v, %+v", name, err, report.Refused)
		}
		if refused := report.Refused[0]; refused.Line != 6 || refused.File != "x.clab.yml" || !strings.Contains(refused.Sentence, "n2") {
			t.Errorf("%s: %+v", name, refused)
		}
	}
	labs, err := r.control.List(t.Context(), r.ada)
	must(t, err)
	if len(labs) != 0 {
		t.Errorf("a refused file is stored: %v", labs)
	}
}

// broken yields a file whose content fails half-way.
type broken struct{ given bool }

func (b *broken) Next() (string, uint32, io.Reader, error) {
	if b.given {
		return "", 0, nil, io.EOF
	}
	b.given = true
	return "x.clab.yml", 0o644, io.MultiReader(strings.NewReader("name: x"), brokenReader{}), nil
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestWhatCannotBeALabIsRefusedInWords(t *testing.T) {
	r := newRig(t)
	r.limits = control.ImportLimits{TotalBytes: 1000, FileBytes: 600, Files: 3}
	r.start()
	lab := ring("x", 2)
	cases := []struct {
		name   string
		source control.FileSource
		code   fault.Code
		says   string
	}{
		{"nothing", files(nil), fault.Invalid, "Nothing was given"},
		{"a path that leads out", files(map[string]string{"a/../../etc/passwd": "x"}), fault.Invalid, "leads out of the lab's folder"},
		{"an absolute path", files(map[string]string{"/etc/passwd": "x"}), fault.Invalid, "leads out of the lab's folder"},
		{"a Windows path that leads out", files(map[string]string{`..\..\x`: "x"}), fault.Invalid, "leads out of the lab's folder"},
		{"a drive", files(map[string]string{`C:\x`: "x"}), fault.Invalid, "leads out of the lab's folder"},
		{"a name with a line break", files(map[string]string{"a\nb": "x"}), fault.Invalid, "line breaks"},
		{"one path twice", files(map[string]string{"a/b": "x", "a//b": "x"}), fault.Invalid, "is there twice"},
		{"too many files", files(map[string]string{"a": "", "b": "", "c": "", "d": ""}), fault.Exhausted, "3 files at most"},
		{"a file that is too large", files(map[string]string{"a": strings.Repeat("x", 700)}), fault.Exhausted, "a: It is larger than the 600 bytes allowed"},
		{"too much in all", files(map[string]string{"a": strings.Repeat("x", 500), "b": strings.Repeat("x", 510)}), fault.Exhausted, "in all"},
		{"no lab file", files(map[string]string{"a.txt": "x"}), fault.Invalid, "There is no lab file here"},
		{"two lab files", files(map[string]string{"a.clab.yml": lab, "b.clab.yml": lab}), fault.Invalid, "several lab files"},
		{"an upload that breaks off", &broken{}, fault.Unavailable, "broke off"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := r.control.Import(t.Context(), r.ada, control.ImportRequest{}, c.source)
			if !fault.Is(err, c.code) || !strings.Contains(fault.Sentence(err), c.says) {
				t.Errorf("got %v (%s), want %q", err, fault.CodeOf(err), c.says)
			}
		})
	}
	r.create(lab)
	_, _, err := r.control.Import(t.Context(), r.ada, control.ImportRequest{}, files(map[string]string{"x.clab.yml": lab}))
	if !fault.Is(err, fault.Conflict) {
		t.Errorf("a name that is taken: %v", err)
	}
	_, _, err = r.control.Import(t.Context(), r.ada, control.ImportRequest{Name: "a/b"}, files(map[string]string{"x.clab.yml": lab}))
	if !fault.Is(err, fault.Invalid) {
		t.Errorf("a name with a slash: %v", err)
	}
}
