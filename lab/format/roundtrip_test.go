package format_test

import (
	"io/fs"
	"path/filepath"
	"testing"

	"trunkline/internal/fault"
	"trunkline/lab/format"
)

func mustParse(t testing.TB, text string) *format.Result {
	t.Helper()
	result, err := format.Parse(format.Input{File: "lab.clab.yml", Data: []byte(text), HasFile: everyFile})
	if err != nil {
		for _, p := range err.(*fault.Error).Details {
			t.Log(p)
		}
		t.Fatalf("refused: %v", err)
	}
	return result
}

func TestALabWithEveryFieldReadsBackEqual(t *testing.T) {
	checkRoundTrip(t, mustParse(t, everything).Lab)
}

func TestEveryPublicLabReadsBackEqual(t *testing.T) {
	root := filepath.Join(labsDir(t), "accept")
	files := 0
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !isLabFile(file) {
			return err
		}
		result, refusal := format.Parse(inputOf(t, file))
		if refusal == nil {
			files++
			checkRoundTrip(t, result.Lab)
		}
		return nil
	})
	if err != nil || files < 40 {
		t.Fatalf("read %d labs back: %v", files, err)
	}
}
