package hostapi

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"

	"trunkline/internal/fault"
)

// Exec starts a command in a node. The command ends with ctx or with the connection's Close.
// Codes: not_found, conflict (the node does not run), unavailable.
func (c *Client) Exec(ctx context.Context, labID, node string, e ExecRequest) (*ExecConn, error) {
	text, err := json.Marshal(e)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "The command cannot be written as JSON.")
	}
	request, err := c.request(ctx, http.MethodPost, nodePath(labID, node, "exec"), bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Connection", "Upgrade")
	request.Header.Set("Upgrade", execProtocol)
	response, err := c.do(c.control, request)
	if err != nil {
		return nil, err
	}
	conn, ok := response.Body.(io.ReadWriteCloser)
	if response.StatusCode != http.StatusSwitchingProtocols || !ok {
		response.Body.Close()
		return nil, fault.New(fault.Unavailable, "The compute host answered %s instead of starting the command.", response.Status)
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	return NewExecConn(&hangup{conn, stop}), nil
}

// hangup forgets the context when the connection is closed by its owner.
type hangup struct {
	io.ReadWriteCloser
	stop func() bool
}

func (h *hangup) Close() error {
	h.stop()
	return h.ReadWriteCloser.Close()
}

// PutFile sends r to put.Path in the node, or unpacks it below that folder with put.Tar. Nothing is changed in the node when r breaks off.
func (c *Client) PutFile(ctx context.Context, labID, node string, put PutFile, r io.Reader) error {
	request, err := c.request(ctx, http.MethodPut, filePath(labID, node, put.Path), r)
	if err != nil {
		return err
	}
	request.Header.Set(FileHeader, toHeader(put))
	setLength(request, put.Size)
	return c.send(c.bulk, request, nil)
}

// GetFile opens a file of the node. A folder comes as tar, with IsDir set and Size -1. A stream that breaks off ends in an error, never in io.EOF.
func (c *Client) GetFile(ctx context.Context, labID, node, path string) (io.ReadCloser, FileInfo, error) {
	var info FileInfo
	request, err := c.request(ctx, http.MethodGet, filePath(labID, node, path), nil)
	if err != nil {
		return nil, info, err
	}
	response, err := c.do(c.bulk, request)
	if err != nil {
		return nil, info, err
	}
	if err := fromHeader(response.Header, &info); err != nil {
		response.Body.Close()
		return nil, info, err
	}
	return response.Body, info, nil
}

// StatFile describes a path of the node. Code: not_found.
func (c *Client) StatFile(ctx context.Context, labID, node, path string) (FileInfo, error) {
	var info FileInfo
	request, err := c.request(ctx, http.MethodHead, filePath(labID, node, path), nil)
	if err != nil {
		return info, err
	}
	response, err := c.do(c.control, request)
	if err != nil {
		return info, err
	}
	defer response.Body.Close()
	return info, fromHeader(response.Header, &info)
}

func filePath(labID, node, path string) string {
	return nodePath(labID, node, "file") + "?" + url.Values{"path": {path}}.Encode()
}
