// Package client talks to a Trunkline controller's REST API, for the command line and for tests.
//
// It knows requests, streams and errors of the API. It refuses to know terminals, flags and how things are printed.
package client

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/lab/hostapi"
	"trunkline/web"
	"trunkline/web/api"
)

// Client is one controller and one token.
type Client struct {
	base      *url.URL
	token     string
	workspace string
	http      *http.Client
}

// New checks the address; it does not connect.
func New(address, token string) (*Client, error) {
	base, err := url.Parse(strings.TrimSuffix(address, "/"))
	if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") {
		return nil, fault.New(fault.Invalid, "%q is not the address of a controller. Give one like https://trunkline.example.org.", address)
	}
	return &Client{base: base, token: token, http: &http.Client{}}, nil
}

// Address is the controller's URL.
func (c *Client) Address() string { return c.base.String() }

func (c *Client) url(path string, query url.Values) string {
	u := *c.base
	u.Path += api.Prefix
	if len(query) > 0 {
		u.RawQuery = query.Encode()
	}
	return strings.Replace(u.String(), api.Prefix, api.Prefix+path, 1)
}

// path joins segments that may hold any character.
func path(segments ...string) string {
	var b strings.Builder
	for _, s := range segments {
		b.WriteByte('/')
		b.WriteString(url.PathEscape(s))
	}
	return b.String()
}

// sign says who asks, and about which workspace.
func (c *Client) sign(header http.Header) {
	header.Set("Authorization", "Bearer "+c.token)
	if c.workspace != "" {
		header.Set(web.WorkspaceHeader, url.PathEscape(c.workspace))
	}
}

// do sends a request and returns the response of a success; everything else is a fault.
func (c *Client) do(ctx context.Context, method, path string, query url.Values, body io.Reader, header http.Header, size int64) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.url(path, query), body)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "That request cannot be made.")
	}
	for name, values := range header {
		request.Header[name] = values
	}
	c.sign(request.Header)
	if size >= 0 && body != nil {
		request.ContentLength = size
	}
	response, err := c.http.Do(request)
	if err != nil {
		if own, ok := errors.AsType[*fault.Error](err); ok {
			return nil, own // the body's own trouble
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fault.Wrap(err, fault.Unavailable, "The controller at %s does not answer. Is it running?", c.base)
	}
	if response.StatusCode >= 300 {
		defer response.Body.Close()
		return nil, readFault(response)
	}
	return response, nil
}

// maxErrorBody bounds what is read of an error's body.
const maxErrorBody = 1 << 20

func readFault(response *http.Response) error {
	var body struct {
		Fault *fault.Error `json:"error"`
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, maxErrorBody))
	if err == nil && json.Unmarshal(text, &body) == nil && body.Fault != nil {
		if more := notEdited(text); more != nil {
			return more
		}
		return body.Fault
	}
	return fault.New(fault.Unavailable, "The controller answered %s, which is not one of ours. Is the address right?", response.Status)
}

func (c *Client) json(ctx context.Context, method, path string, query url.Values, in, out any) error {
	var body io.Reader
	header := http.Header{"Accept": {"application/json"}}
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("encode request: %w", err)
		}
		body = bytes.NewReader(text)
		header.Set("Content-Type", "application/json")
	}
	response, err := c.do(ctx, method, path, query, body, header, -1)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(response.Body).Decode(out); err != nil {
		return fault.Wrap(err, fault.Unavailable, "The controller's answer was cut off.")
	}
	return nil
}

// Me says whose token this is.
func (c *Client) Me(ctx context.Context) (me api.Me, err error) {
	return me, c.json(ctx, "GET", "/me", nil, nil, &me)
}

// Labs lists the workspace's labs.
func (c *Client) Labs(ctx context.Context) (labs []control.LabView, err error) {
	return labs, c.json(ctx, "GET", "/labs", nil, nil, &labs)
}

// Lab shows one lab.
func (c *Client) Lab(ctx context.Context, lab string) (*control.LabDetail, error) {
	detail := &control.LabDetail{}
	return detail, c.json(ctx, "GET", path("labs", lab), nil, nil, detail)
}

// Import is what Create and Check send.
type Import struct {
	Body        io.Reader
	ContentType string
	File        string
	Name        string
	ImageMap    []string
	Env         []string
	Replace     string
}

// Create stores a lab.
func (c *Client) Create(ctx context.Context, i Import) (api.Imported, error) {
	return c.send(ctx, "/labs", i)
}

// Check reports what Create would do.
func (c *Client) Check(ctx context.Context, i Import) (api.Imported, error) {
	return c.send(ctx, "/labs/check", i)
}

func (c *Client) send(ctx context.Context, path string, i Import) (imported api.Imported, err error) {
	query := url.Values{"image_map": i.ImageMap, "env": i.Env}
	for name, value := range map[string]string{"name": i.Name, "file": i.File, "replace": i.Replace} {
		if value != "" {
			query.Set(name, value)
		}
	}
	response, err := c.do(ctx, "POST", path, query, i.Body, http.Header{"Content-Type": {i.ContentType}}, -1)
	if err != nil {
		return imported, err
	}
	defer response.Body.Close()
	return imported, json.NewDecoder(response.Body).Decode(&imported)
}

// Plan lists what a deploy would do.
func (c *Client) Plan(ctx context.Context, lab string) (steps []control.PlanStep, err error) {
	return steps, c.json(ctx, "GET", path("labs", lab, "plan"), nil, nil, &steps)
}

// Intent asks for deploy, cancel, stop or destroy.
func (c *Client) Intent(ctx context.Context, lab, verb string, query url.Values) (*control.LabView, error) {
	view := &control.LabView{}
	return view, c.json(ctx, "POST", path("labs", lab, verb), query, nil, view)
}

// NodeAction asks for start, stop, restart, pause, resume or recreate of a node.
func (c *Client) NodeAction(ctx context.Context, lab, node, action string) error {
	return c.json(ctx, "POST", path("labs", lab, "nodes", node, action), nil, nil, nil)
}

// Watch calls each with every event until it returns false or the stream ends.
func (c *Client) Watch(ctx context.Context, lab string, each func(control.Event) bool) error {
	response, err := c.do(ctx, "GET", path("labs", lab, "events"), nil, nil, nil, -1)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	lines := json.NewDecoder(response.Body)
	for {
		var event struct {
			control.Event
			Fault *fault.Error `json:"error"` // the last line, when rights have ended
		}
		if err := lines.Decode(&event); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fault.Wrap(err, fault.Unavailable, "The connection to the controller broke. What it was asked to do goes on.")
		}
		if event.Fault != nil {
			return event.Fault
		}
		if !each(event.Event) {
			return nil
		}
	}
}

// Export streams the lab in a form: "" or folder (as zip), containerlab, svg, mermaid.
func (c *Client) Export(ctx context.Context, lab, form string, w io.Writer) error {
	response, err := c.do(ctx, "GET", path("labs", lab, "export"), url.Values{"as": {cmp.Or(form, "folder")}}, nil, nil, -1)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	return copyBody(w, response.Body)
}

// PutFile streams size bytes into a node and returns where they landed.
func (c *Client) PutFile(ctx context.Context, lab, node, target, name string, size int64, r io.Reader) (uploaded api.Uploaded, err error) {
	query := url.Values{"path": {target}, "name": {name}}
	header := http.Header{"Content-Type": {"application/octet-stream"}}
	if size == 0 {
		r = http.NoBody
	}
	response, err := c.do(ctx, "PUT", path("labs", lab, "nodes", node, "files"), query, r, header, size)
	if err != nil {
		return uploaded, err
	}
	defer response.Body.Close()
	return uploaded, json.NewDecoder(response.Body).Decode(&uploaded)
}

// GetFile opens a file of a node; isTar says that it is a folder as tar. The caller closes it.
func (c *Client) GetFile(ctx context.Context, lab, node, source string) (content io.ReadCloser, isTar bool, err error) {
	response, err := c.do(ctx, "GET", path("labs", lab, "nodes", node, "files"), url.Values{"path": {source}}, nil, nil, -1)
	if err != nil {
		return nil, false, err
	}
	return response.Body, response.Header.Get("Content-Type") == "application/x-tar", nil
}

// Images lists what nodes can be made of.
func (c *Client) Images(ctx context.Context) (images []hostapi.Image, err error) {
	return images, c.json(ctx, "GET", "/images", nil, nil, &images)
}

func copyBody(w io.Writer, body io.Reader) error {
	if _, err := io.Copy(w, body); err != nil {
		return fault.Wrap(err, fault.Unavailable, "The transfer was cut off.")
	}
	return nil
}
