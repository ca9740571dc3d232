package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
)

// engine speaks the Docker API (v1.41) by itself: the docker program alone takes a second to start in this kernel.
var engine = &http.Client{Transport: &http.Transport{
	DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", "/var/run/docker.sock")
	},
}}

// askEngine reads the whole answer to the end.
func askEngine(ctx context.Context, method, path string, body io.Reader) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://docker"+path, body)
	if err != nil {
		return nil, err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/x-tar")
	}
	response, err := engine.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("the engine answers %s: %s", response.Status, text)
	}
	return text, err
}

func engineAnswers(ctx context.Context) error {
	_, err := askEngine(ctx, http.MethodGet, "/_ping", nil)
	return err
}

func loadImages(ctx context.Context, archive string) error {
	file, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer file.Close()
	said, err := askEngine(ctx, http.MethodPost, "/v1.41/images/load?quiet=1", file)
	if err == nil && strings.Contains(string(said), `"errorDetail"`) {
		err = fmt.Errorf("the engine answers: %s", said)
	}
	return err
}

// processOf is the process id of a node's init.
func processOf(ctx context.Context, node string) (int, error) {
	filter, err := json.Marshal(map[string][]string{"label": {"trunkline.node=" + node}, "status": {"running"}})
	if err != nil {
		return 0, err
	}
	text, err := askEngine(ctx, http.MethodGet, "/v1.41/containers/json?filters="+url.QueryEscape(string(filter)), nil)
	var found []struct{ ID string }
	if err == nil {
		err = json.Unmarshal(text, &found)
	}
	if err != nil {
		return 0, fmt.Errorf("node %s: %w", node, err)
	}
	if len(found) != 1 {
		return 0, fmt.Errorf("node %s has %d running containers in this kernel", node, len(found))
	}
	text, err = askEngine(ctx, http.MethodGet, "/v1.41/containers/"+found[0].ID+"/json", nil)
	var container struct{ State struct{ Pid int } }
	if err == nil {
		err = json.Unmarshal(text, &container)
	}
	return container.State.Pid, err
}
