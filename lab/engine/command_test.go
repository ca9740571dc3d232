package engine

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWhatInitIsToldToRun(t *testing.T) {
	image := imageFacts{entrypoint: []string{"/entry"}, cmd: []string{"serve"}}
	shell := imageFacts{cmd: []string{"/bin/bash"}}
	for _, c := range []struct {
		name            string
		entrypoint, cmd []string
		image           imageFacts
		want            []string
	}{
		{"the image's own command may end and the node stays", nil, nil, image, []string{"-keep", "--", "/entry", "serve"}},
		{"a command in the file follows the image's entry point", nil, []string{"run"}, image, []string{"--", "/entry", "run"}},
		{"an entry point in the file drops the image's command", []string{"/own"}, nil, image, []string{"--", "/own"}},
		{"an image with a bare shell is kept alive without it", nil, nil, shell, []string{"-keep", "--"}},
		{"a bare shell in the file is kept alive too", nil, []string{"sh"}, imageFacts{}, []string{"-keep", "--"}},
		{"a shell with a script runs", nil, []string{"sh", "-c", "x"}, shell, []string{"--", "sh", "-c", "x"}},
		{"an image without a command is kept alive", nil, nil, imageFacts{}, []string{"-keep", "--"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := append([]string{"-gate", gatePath}, c.want...)
			if diff := cmp.Diff(want, initArguments(c.entrypoint, c.cmd, c.image)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
