package simulated

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"trunkline/internal/client"
	"trunkline/internal/testkit"
	"trunkline/lab/control"
)

// Site is a controller, in a process of its own, with simulated hosts in this one.
type Site struct {
	*testkit.Program
	Fleet

	data string
}

// Open starts a site on this machine alone. Close ends it and deletes its data.
func Open(ctx context.Context, binary string, hosts int) (*Site, error) {
	data, err := os.MkdirTemp("", "trunkline-site-*")
	if err != nil {
		return nil, err
	}
	program, err := testkit.ServeAt(ctx, "127.0.0.1", binary, data)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(data))
	}
	s := &Site{Program: program, data: data}
	for i := range hosts {
		if err := s.Join(ctx, program, data, fmt.Sprintf("host-%d", i)); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

// Close ends hosts and controller.
func (s *Site) Close() error {
	err := s.Fleet.Stop()
	s.Program.Stop()
	return errors.Join(err, os.RemoveAll(s.data))
}

// Deploy imports a lab file and waits until the lab runs.
func (s *Site) Deploy(ctx context.Context, name, file string) (labID string, err error) {
	err = testkit.Until(ctx, time.Minute, "the hosts", func() error {
		_, err := s.Client.Create(ctx, client.Import{Body: strings.NewReader(file), ContentType: "application/yaml", File: name + ".clab.yml"})
		return err
	})
	if err != nil {
		return "", err
	}
	if err := testkit.Until(ctx, time.Minute, "a deploy", func() error { _, err := s.Client.Intent(ctx, name, "deploy", nil); return err }); err != nil {
		return "", err
	}
	view, err := s.AwaitState(ctx, name, control.Running)
	if err != nil {
		return "", err
	}
	return view.ID, nil
}
