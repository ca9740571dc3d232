package hostapi

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"trunkline/internal/fault"
)

// Switch returns the live tables of a switch, hub or lan. Codes: not_found, conflict (it isn't made yet), unsupported (an older agent).
func (c *Client) Switch(ctx context.Context, labID, name string) (view SwitchView, err error) {
	return view, c.json(ctx, http.MethodGet, labPath(labID)+"/switches/"+url.PathEscape(name), nil, &view)
}

// Rates calls each for every sample until each fails (its error), ctx ends (nil) or the host is lost. Codes: not_found, unsupported (an older agent).
func (c *Client) Rates(ctx context.Context, labID string, each func(Rates) error) error {
	request, err := c.request(ctx, http.MethodGet, labPath(labID)+"/rates", nil)
	if err != nil {
		return err
	}
	response, err := c.do(c.control, request)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	defer response.Body.Close()
	for lines := json.NewDecoder(response.Body); ; {
		var sample Rates
		if err := lines.Decode(&sample); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fault.Wrap(err, fault.Unavailable, "The compute host no longer tells its rates.")
		}
		if err := each(sample); err != nil {
			return err
		}
	}
}
