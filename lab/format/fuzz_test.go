package format_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/format"
)

// asJSON is a lab without its lines, which a written file has elsewhere; positions are added.
func asJSON(t testing.TB, l *lab.Lab) string {
	text, err := json.MarshalIndent(l, "", " ")
	if err != nil {
		t.Fatalf("the lab cannot be written as JSON: %v", err)
	}
	for _, n := range l.Nodes {
		if n.X != nil {
			xy, _ := json.Marshal([]any{n.Name, *n.X, *n.Y})
			text = append(text, xy...)
		}
	}
	return string(text)
}

func everyFile(string) bool { return true }

// checkRoundTrip writes the lab and reads it back.
func checkRoundTrip(t testing.TB, l *lab.Lab) {
	text, err := format.Format(l)
	if err != nil {
		t.Fatalf("a lab that was read cannot be written: %v", err)
	}
	if len(text) > format.MaxBytes {
		return
	}
	again, err := format.Parse(format.Input{File: "again.clab.yml", Data: text, HasFile: everyFile})
	if err != nil {
		t.Fatalf("what was written is refused: %v\n%+v\n%s", err, err.(*fault.Error).Details, text)
	}
	if want, got := asJSON(t, l), asJSON(t, again.Lab); want != got {
		t.Fatalf("the lab changed on the way.\nwas %s\nis %s\nfile:\n%s", want, got, text)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}
	if dir := os.Getenv("TRUNKLINE_LABS"); dir != "" {
		files, _ := filepath.Glob(filepath.Join(dir, "accept", "*", "*.yml"))
		more, _ := filepath.Glob(filepath.Join(dir, "accept", "*", "*", "*", "*.y*ml"))
		for _, file := range append(files, more...) {
			if data, err := os.ReadFile(file); err == nil {
				f.Add(data)
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		in := format.Input{File: "fuzz.clab.yml", Data: data, Env: map[string]string{"V": "eth1", "EMPTY": ""}, HasFile: everyFile}
		result, err := format.Parse(in)
		if err != nil {
			if fault.CodeOf(err) != fault.Invalid || len(err.(*fault.Error).Details) == 0 {
				t.Fatalf("a refusal without code or complaint: %#v", err)
			}
			return
		}
		if places := lab.Validate(result.Lab); len(places) > 0 {
			t.Fatalf("an accepted lab is not valid: %v", places)
		}
		checkRoundTrip(t, result.Lab)
	})
}
