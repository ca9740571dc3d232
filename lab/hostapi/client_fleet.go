package hostapi

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
)

// MaxLogLines is the most that Log returns: an agent keeps no more.
const MaxLogLines = 1000

// SetPeers makes these, and no others, the hosts that this one exchanges tunnel frames with and probes. Repeating it changes nothing.
// Code unsupported: the host takes no part in labs on several hosts.
func (c *Client) SetPeers(ctx context.Context, peers []Peer) error {
	return c.json(ctx, http.MethodPut, "/v1/peers", peersBody{Peers: append([]Peer{}, peers...)}, nil)
}

// Reached tells which stages nodes on other hosts have left behind, by node: the complete set for the lab. Codes: not_found (no such lab), unsupported.
func (c *Client) Reached(ctx context.Context, labID string, stages map[string][]string) error {
	return c.json(ctx, http.MethodPost, labPath(labID)+"/reached", reachedBody{Stages: stages}, nil)
}

// Log returns the last lines of the agent's log, the oldest first, at most MaxLogLines. Code: unsupported.
func (c *Client) Log(ctx context.Context, lines int) ([]string, error) {
	var a logBody
	err := c.json(ctx, http.MethodGet, "/v1/log?"+url.Values{"lines": {strconv.Itoa(lines)}}.Encode(), nil, &a)
	return a.Lines, err
}
