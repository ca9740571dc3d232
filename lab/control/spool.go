package control

import (
	"context"
	"errors"
	"io"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"trunkline/internal/fault"
)

// spool streams the project's files to disk and lists them by path. A file twice, a path that leads out of the folder, and too
// much of anything are refused.
func (c *Controller) spool(ctx context.Context, files FileSource) ([]ProjectFile, error) {
	limits := c.cfg.Limits
	left := limits.TotalBytes
	var spooled []ProjectFile
	seen := map[string]bool{}
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		name, mode, content, err := files.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		name, err = cleanPath(name)
		switch {
		case err != nil:
			return nil, err
		case seen[name]:
			return nil, fault.New(fault.Invalid, "The file %s is there twice.", name)
		case len(spooled) == limits.Files:
			return nil, fault.New(fault.Exhausted, "A lab's folder may hold %d files at most. Leave out what the lab does not need.", limits.Files)
		}
		seen[name] = true
		hash, size, err := c.cfg.Blobs.Put(ctx, content, min(left, limits.FileBytes))
		if fault.Is(err, fault.Exhausted) && left < limits.FileBytes {
			return nil, fault.Wrap(err, fault.Exhausted, "%s", exhausted(err, "The lab's folder may hold "+megabytes(limits.TotalBytes)+" in all. Leave out what the lab does not need."))
		}
		if err != nil {
			return nil, inFile(err, name)
		}
		left -= size
		spooled = append(spooled, ProjectFile{Path: name, Size: size, SHA256: hash, Mode: fileMode(mode)})
	}
	if len(spooled) == 0 {
		return nil, fault.New(fault.Invalid, "Nothing was given. Choose a lab file, a folder or a zip.").InField("file")
	}
	slices.SortFunc(spooled, func(a, b ProjectFile) int { return strings.Compare(a.Path, b.Path) })
	return spooled, nil
}

// exhausted keeps the sentence of a full disk, and says ours otherwise.
func exhausted(err error, ours string) string {
	if e, ok := errors.AsType[*fault.Error](err); ok && e.Cause != nil {
		return e.Sentence
	}
	return ours
}

// inFile puts the file's name before the sentence of what went wrong with it.
func inFile(err error, name string) error {
	e, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return fault.Wrap(err, fault.Unavailable, "The file %s broke off while it was read. Send it again.", name)
	}
	return fault.Wrap(err, e.Code, "%s: %s", name, e.Sentence)
}

// fileMode keeps read, write and execute bits; a file nobody could read is made readable.
func fileMode(mode uint32) uint32 {
	mode &= 0o777
	if mode == 0 {
		return 0o644
	}
	return mode | 0o400
}

// maxPath is the longest path of a project file in bytes.
const maxPath = 512

// cleanPath brings a project path into its one form: slash-separated and below the lab's folder.
func cleanPath(name string) (string, error) {
	slashed := strings.ReplaceAll(name, "\\", "/")
	bad := func(r rune) bool { return r < ' ' || r == 0x7f }
	switch {
	case slashed == "" || len(slashed) > maxPath || !utf8.ValidString(slashed) || strings.ContainsFunc(slashed, bad):
		return "", fault.New(fault.Invalid, "A file's path in the lab's folder has 1 to %d bytes and no line breaks: %q is refused.", maxPath, name)
	case path.IsAbs(slashed) || hasDrive(slashed):
		return "", fault.New(fault.Invalid, "The path %q leads out of the lab's folder. Give paths below it.", name)
	}
	for part := range strings.SplitSeq(slashed, "/") {
		if part == ".." {
			return "", fault.New(fault.Invalid, "The path %q leads out of the lab's folder. Give paths below it.", name)
		}
	}
	if slashed = path.Clean(slashed); slashed == "." {
		return "", fault.New(fault.Invalid, "The path %q names the lab's folder itself, not a file in it.", name)
	}
	return slashed, nil
}

// hasDrive reports a Windows drive such as C:.
func hasDrive(name string) bool {
	return len(name) > 1 && name[1] == ':' && (name[0]|0x20 >= 'a' && name[0]|0x20 <= 'z')
}

// withoutCommonFolder takes away the one folder that everything is in, as a zip of a folder has it. A lab file named by its
// path keeps the paths as they are.
func withoutCommonFolder(files []ProjectFile, labFile string) []ProjectFile {
	if labFile != "" {
		return files
	}
	first, _, nested := strings.Cut(files[0].Path, "/")
	if !nested {
		return files
	}
	stripped := make([]ProjectFile, len(files))
	for i, f := range files {
		below, inside := strings.CutPrefix(f.Path, first+"/")
		if !inside {
			return files
		}
		stripped[i] = f
		stripped[i].Path = below
	}
	return stripped
}
