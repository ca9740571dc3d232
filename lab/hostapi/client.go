package hostapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"trunkline/internal/fault"
)

// Client is the controller's side of one compute host. Its methods return fault errors: those of the host as it sent them,
// and unavailable when the host could not be asked.
type Client struct {
	HTTP *http.Client                 // over the control session
	Bulk func() (*http.Client, error) // over the bulk session, dialled on demand; nil: HTTP is used for everything

	agent atomic.Pointer[string] // the version that the agent answered with last; nil: not asked yet
}

// base is never dialled: the transport opens a stream of the host link, whatever the address.
const base = "http://host"

// silence is how long an observed host may say nothing (it pings each 10 s) before it counts as lost.
const silence = 35 * time.Second

// Apply sends a lab's desired state. Repeating it changes nothing. Code unsupported: the agent is too old for it.
func (c *Client) Apply(ctx context.Context, spec LabSpec) error {
	if c.agent.Load() == nil && len(Lacks("", &spec)) > 0 {
		if _, err := c.Info(ctx); err != nil { // any answer tells the agent's version
			return err
		}
	}
	if agent := c.agent.Load(); agent != nil {
		if err := tooOld(*agent, &spec); err != nil {
			return err
		}
	}
	return c.json(ctx, http.MethodPut, labPath(spec.ID), spec, nil)
}

// Remove makes nothing the lab's desired state. It returns before the lab is gone: Observe tells.
func (c *Client) Remove(ctx context.Context, labID string) error {
	return c.json(ctx, http.MethodDelete, labPath(labID), nil, nil)
}

// Lab returns the observed state of one lab. Code: not_found.
func (c *Client) Lab(ctx context.Context, labID string) (status LabStatus, err error) {
	err = c.json(ctx, http.MethodGet, labPath(labID), nil, &status)
	return status, err
}

// Synced tells the host that it has been told of every lab it shall have: these and no others. The host removes the rest.
func (c *Client) Synced(ctx context.Context, labIDs []string) error {
	return c.json(ctx, http.MethodPost, "/v1/synced", syncedRequest{Labs: append([]string{}, labIDs...)}, nil)
}

// Info describes the host.
func (c *Client) Info(ctx context.Context) (info HostInfo, err error) {
	err = c.json(ctx, http.MethodGet, "/v1/info", nil, &info)
	return info, err
}

// Images lists the images the host has.
func (c *Client) Images(ctx context.Context) ([]Image, error) {
	var a imagesAnswer
	err := c.json(ctx, http.MethodGet, "/v1/images", nil, &a)
	return a.Images, err
}

// Leftovers lists in words what carries the host's stamp and belongs to no lab.
func (c *Client) Leftovers(ctx context.Context) ([]string, error) {
	var a leftoversAnswer
	err := c.json(ctx, http.MethodGet, "/v1/leftovers", nil, &a)
	return a.Leftovers, err
}

// MissingBlobs returns those of the hashes that the host has not.
func (c *Client) MissingBlobs(ctx context.Context, hashes []string) ([]string, error) {
	var a blobsRequest
	err := c.json(ctx, http.MethodPost, "/v1/blobs/missing", blobsRequest{Hashes: hashes}, &a)
	return a.Hashes, err
}

// PutBlob sends a project file; size is that of r. Code invalid: the content has another hash.
func (c *Client) PutBlob(ctx context.Context, hash string, size int64, r io.Reader) error {
	request, err := c.request(ctx, http.MethodPut, "/v1/blobs/"+url.PathEscape(hash), r)
	if err != nil {
		return err
	}
	setLength(request, size)
	return c.send(c.bulk, request, nil)
}

// Observe calls each for every observation: the full set, Synced, then changes. It returns each's error, nil when ctx ended,
// or unavailable when the host is lost.
func (c *Client) Observe(ctx context.Context, each func(Observation) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	lost := fault.New(fault.Unavailable, "The compute host has said nothing for %s.", silence)
	watchdog := time.AfterFunc(silence, func() { cancel(lost) })
	defer watchdog.Stop()

	request, err := c.request(ctx, http.MethodGet, "/v1/observe", nil)
	if err != nil {
		return err
	}
	response, err := c.do(c.control, request)
	if err != nil {
		return ended(ctx, lost, err)
	}
	defer response.Body.Close()
	lines := json.NewDecoder(response.Body)
	for {
		var o Observation
		if err := lines.Decode(&o); err != nil {
			return ended(ctx, lost, fault.Wrap(err, fault.Unavailable, "The link to the compute host was lost."))
		}
		watchdog.Reset(silence)
		if err := each(o); err != nil {
			return err
		}
	}
}

// ended tells the caller's own end of ctx (nil) from the watchdog's (lost) and from a broken stream (err).
func ended(ctx context.Context, lost, err error) error {
	switch cause := context.Cause(ctx); {
	case cause == nil:
		return err
	case errors.Is(cause, lost):
		return lost
	}
	return nil
}

func labPath(id string) string { return "/v1/labs/" + url.PathEscape(id) }

func nodePath(labID, node, verb string) string {
	return labPath(labID) + "/nodes/" + url.PathEscape(node) + "/" + verb
}

func (c *Client) control() (*http.Client, error) { return c.HTTP, nil }

func (c *Client) bulk() (*http.Client, error) {
	if c.Bulk == nil {
		return c.HTTP, nil
	}
	client, err := c.Bulk()
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "The compute host did not open its second session for large transfers. Try again.")
	}
	return client, nil
}

// json sends in (when not nil) and reads the answer into out (when not nil).
func (c *Client) json(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return fault.Wrap(err, fault.Internal, "The request to the compute host cannot be written as JSON.")
		}
		body = bytes.NewReader(text)
	}
	request, err := c.request(ctx, method, path, body)
	if err != nil {
		return err
	}
	return c.send(c.control, request, out)
}

func (c *Client) request(ctx context.Context, method, path string, body io.Reader) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, method, base+path, body)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "The request to the compute host cannot be made.")
	}
	request.Header.Set(VersionHeader, c.speaks())
	return request, nil
}

// speaks is the version for requests: the older of ours and the agent's, as an agent of the first release takes no other than its own.
func (c *Client) speaks() string {
	if agent := c.agent.Load(); agent != nil && Understands(*agent, Version) {
		if v, _ := parseVersion(*agent); v.older(ours) {
			return *agent
		}
	}
	return Version
}

// send is do for answers that are JSON or nothing.
func (c *Client) send(via func() (*http.Client, error), request *http.Request, out any) error {
	response, err := c.do(via, request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxJSON)).Decode(out); err != nil {
		return fault.Wrap(err, fault.Unavailable, "The compute host's answer broke off.")
	}
	return nil
}

// do returns an answer of status 1xx or 2xx; others become the host's own error. The caller closes the body.
func (c *Client) do(via func() (*http.Client, error), request *http.Request) (*http.Response, error) {
	client, err := via()
	if err != nil {
		return nil, err
	}
	response, err := c.exchange(client, request)
	if err == nil && response.StatusCode == http.StatusNotImplemented && request.Header.Get(VersionHeader) != c.speaks() {
		if again := repeat(request); again != nil { // it answered with its version, which is older than the request's
			response.Body.Close()
			again.Header.Set(VersionHeader, c.speaks())
			response, err = c.exchange(client, again)
		}
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "The compute host does not answer.")
	}
	if response.StatusCode < 300 {
		return response, nil
	}
	defer response.Body.Close()
	return nil, remoteError(response)
}

// exchange also learns the agent's version.
func (c *Client) exchange(client *http.Client, request *http.Request) (*http.Response, error) {
	response, err := client.Do(request)
	if err == nil {
		if agent := response.Header.Get(VersionHeader); agent != "" {
			c.agent.Store(&agent)
		}
	}
	return response, err
}

// repeat is the request once more; nil when its body was a stream.
func repeat(request *http.Request) *http.Request {
	again := request.Clone(request.Context())
	if request.Body == nil || request.Body == http.NoBody {
		return again
	}
	if request.GetBody == nil {
		return nil
	}
	body, err := request.GetBody()
	if err != nil {
		return nil
	}
	again.Body = body
	return again
}

// remoteError reads the fault that the host sent.
func remoteError(response *http.Response) error {
	remote := &fault.Error{}
	if response.Request.Method == http.MethodHead {
		if fromHeader(response.Header, remote) == nil && remote.Code != "" {
			return remote
		}
	} else if json.NewDecoder(io.LimitReader(response.Body, 1<<20)).Decode(remote) == nil && remote.Code != "" {
		return remote
	}
	return fault.New(fault.Unavailable, "The compute host answered %s and no reason.", response.Status)
}

// setLength says how much comes; without it the transport sends chunks.
func setLength(request *http.Request, size int64) {
	if size > 0 {
		request.ContentLength = size
	} else if size == 0 {
		request.Body, request.ContentLength = http.NoBody, 0
	}
}
