package main

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"trunkline/internal/cli"
	"trunkline/internal/client"
	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/web/api"
)

func labCreate(o *options) *cobra.Command {
	var i client.Import
	var source string
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "create -f FILE|FOLDER|ZIP",
		Short: "Store a lab from a lab file, its folder or a zip of it",
		Args:  cli.Exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if source == "" {
				return cli.UsageError{Err: fmt.Errorf("lab create needs -f with a lab file, a folder, a zip or -")}
			}
			c, err := o.client()
			if err != nil {
				return err
			}
			closer, err := openSource(source, &i)
			if err != nil {
				return err
			}
			defer closer.Close()
			imported, err := send(cmd.Context(), c, i, dryRun)
			if err != nil {
				return err
			}
			if err := o.print(imported, func(w io.Writer) { printImported(w, imported) }); err != nil {
				return err
			}
			if len(imported.Report.Refused) > 0 {
				return cli.ExitCode(cli.Failed)
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&source, "file", "f", "", "lab file, folder, zip, or - for a lab file on standard input")
	flags.StringVar(&i.Name, "name", "", "name of the lab (default: the file's)")
	flags.StringVar(&i.File, "lab-file", "", "which file of the folder or zip is the lab file")
	flags.StringArrayVar(&i.ImageMap, "image-map", nil, "put a local image in the place of those named, such as 'frrouting/*=trunkline/router'")
	flags.StringArrayVar(&i.Env, "env", nil, "NAME=value for ${NAME} in the lab file")
	flags.StringVar(&i.Replace, "replace", "", "the lab whose file this replaces")
	flags.BoolVar(&dryRun, "dry-run", false, "report what the import would do, and store nothing")
	return cmd
}

func send(ctx context.Context, c *client.Client, i client.Import, dryRun bool) (api.Imported, error) {
	if dryRun {
		return c.Check(ctx, i)
	}
	return c.Create(ctx, i)
}

func printImported(w io.Writer, i api.Imported) {
	for _, part := range []struct {
		title string
		lines []control.ReportLine
	}{{"refused", i.Report.Refused}, {"dropped", i.Report.Dropped}, {"changed", i.Report.Changed}} {
		for _, line := range part.lines {
			fmt.Fprintf(w, "%s\t%s\n", part.title, line.String())
		}
	}
	if i.Lab != nil {
		fmt.Fprintf(w, "%s\t%d nodes, %d links\t%s\n", i.Lab.Name, i.Lab.NodeCount, i.Lab.LinkCount, i.Lab.State)
	}
}

// openSource opens what -f names; a folder is streamed as tar.
func openSource(source string, i *client.Import) (io.Closer, error) {
	if source == "-" {
		i.Body, i.ContentType = os.Stdin, "application/yaml"
		return io.NopCloser(nil), nil
	}
	info, err := os.Stat(source)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "%s cannot be read: %v.", source, plainPathError(err))
	}
	if info.IsDir() {
		reader, writer := io.Pipe()
		go func() { writer.CloseWithError(packFolder(writer, source)) }() // ends when the reader is closed
		i.Body, i.ContentType = reader, "application/x-tar"
		return reader, nil
	}
	file, err := os.Open(source)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "%s cannot be read: %v.", source, plainPathError(err))
	}
	i.Body, i.ContentType = file, "application/yaml"
	if strings.EqualFold(filepath.Ext(source), ".zip") {
		i.ContentType = "application/zip"
	} else if i.File == "" {
		i.File = filepath.Base(source)
	}
	return file, nil
}

func plainPathError(err error) error {
	if wrapped, ok := err.(*fs.PathError); ok {
		return wrapped.Err
	}
	return err
}

// packFolder leaves out what is hidden: .git and the like have no place in a lab.
func packFolder(w io.Writer, folder string) error {
	archive := tar.NewWriter(w)
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path != folder && strings.HasPrefix(entry.Name(), ".") {
			if entry.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		if !entry.Type().IsRegular() {
			return nil
		}
		return packFile(archive, folder, path)
	})
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "The folder %s cannot be read: %v.", folder, err)
	}
	return archive.Close()
}

func packFile(archive *tar.Writer, folder, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	header, err := tar.FileInfoHeader(info, "")
	if err != nil {
		return err
	}
	relative, err := filepath.Rel(folder, path)
	if err != nil {
		return err
	}
	header.Name = filepath.ToSlash(relative)
	if err := archive.WriteHeader(header); err != nil {
		return err
	}
	_, err = io.Copy(archive, file)
	return err
}
