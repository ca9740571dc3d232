package main

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"trunkline/internal/cli"
	"trunkline/internal/client"
	"trunkline/internal/fault"
)

func copyCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "cp SOURCE TARGET", Short: "Copy a file into a node or out of it: one side is LAB/NODE:PATH", Args: cli.Exactly("SOURCE", "TARGET"),
		Example: "  trunkline cp ./notes.txt campus/h1:/root/\n  trunkline cp campus/r1:/etc/frr/frr.conf .",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			from, fromNode := splitPlace(args[0])
			to, toNode := splitPlace(args[1])
			switch {
			case fromNode && !toNode:
				return download(cmd.Context(), c, from, args[1])
			case toNode && !fromNode:
				return upload(cmd.Context(), c, args[0], to)
			}
			return cli.UsageError{Err: errors.New("one side is a file here and the other LAB/NODE:PATH")}
		},
	}
}

// place is a path in a node.
type place struct{ lab, node, path string }

func splitPlace(argument string) (place, bool) {
	name, p, ok := strings.Cut(argument, ":")
	lab, node, named := strings.Cut(name, "/")
	if !ok || !named || lab == "" || lab == "." || lab == ".." || node == "" || strings.Contains(node, "/") {
		return place{}, false
	}
	return place{lab, node, p}, true
}

func upload(ctx context.Context, c *client.Client, source string, to place) error {
	file, err := os.Open(source)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "%s cannot be read: %v.", source, plainPathError(err))
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "%s cannot be read: %v.", source, plainPathError(err))
	}
	if !info.Mode().IsRegular() {
		return fault.New(fault.Invalid, "%s is not a file. Pack a folder first (tar) and unpack it in the node.", source)
	}
	uploaded, err := c.PutFile(ctx, to.lab, to.node, to.path, filepath.Base(source), info.Size(), file)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%s: %d bytes\n", uploaded.Path, uploaded.Size)
	return nil
}

func download(ctx context.Context, c *client.Client, from place, target string) error {
	content, isTar, err := c.GetFile(ctx, from.lab, from.node, from.path)
	if err != nil {
		return err
	}
	defer content.Close()
	if isTar {
		return unpack(content, target)
	}
	if target == "-" {
		_, err := io.Copy(os.Stdout, content)
		return err
	}
	if info, err := os.Stat(target); err == nil && info.IsDir() {
		target = filepath.Join(target, path.Base(from.path))
	}
	return saveFile(target, 0o644, func(w io.Writer) error {
		_, err := io.Copy(w, content)
		return err
	})
}

// saveFile writes next to the target and renames, so that a download cut off leaves what was there before.
func saveFile(target string, mode os.FileMode, write func(io.Writer) error) error {
	file, err := os.CreateTemp(filepath.Dir(target), ".trunkline-*")
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "%s cannot be written: %v.", target, plainPathError(err))
	}
	defer os.Remove(file.Name()) // a no-op once renamed
	err = write(file)
	if err == nil {
		err = file.Chmod(mode)
	}
	if closing := file.Close(); err == nil {
		err = closing
	}
	if err != nil {
		if _, ok := errors.AsType[*fault.Error](err); ok {
			return err
		}
		return fault.Wrap(err, fault.Unavailable, "%s could not be written whole: %v.", target, err)
	}
	if err := os.Rename(file.Name(), target); err != nil {
		return fault.Wrap(err, fault.Invalid, "%s cannot be written: %v.", target, plainPathError(err))
	}
	return nil
}

// unpack writes a node's folder below target. os.Root keeps every path inside, whatever the node put into the archive.
func unpack(r io.Reader, target string) error {
	if err := os.MkdirAll(target, 0o755); err != nil {
		return fault.Wrap(err, fault.Invalid, "%s cannot be made: %v.", target, plainPathError(err))
	}
	root, err := os.OpenRoot(target)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "%s cannot be opened: %v.", target, plainPathError(err))
	}
	defer root.Close()
	archive := tar.NewReader(r)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = unpackEntry(root, archive, header)
		}
		if err != nil {
			return fault.Wrap(err, fault.Unavailable, "The folder could not be copied whole: %v.", err)
		}
	}
}

func unpackEntry(root *os.Root, archive io.Reader, header *tar.Header) error {
	name := path.Clean(strings.TrimPrefix(header.Name, "/"))
	switch header.Typeflag {
	case tar.TypeDir:
		return root.MkdirAll(name, 0o755)
	case tar.TypeReg:
		if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
			return err
		}
		file, err := root.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, header.FileInfo().Mode().Perm())
		if err != nil {
			return err
		}
		_, err = io.Copy(file, archive)
		if closing := file.Close(); err == nil {
			err = closing
		}
		return err
	}
	fmt.Fprintf(os.Stderr, "%s: left out, since it is neither a file nor a folder\n", header.Name)
	return nil
}
