package client

import (
	"context"
	"encoding/json"

	"trunkline/internal/fault"
	"trunkline/lab/control"
)

// Switch returns the live tables of a switch, hub or lan.
func (c *Client) Switch(ctx context.Context, lab, node string) (view control.SwitchView, err error) {
	return view, c.json(ctx, "GET", path("labs", lab, "switches", node), nil, nil, &view)
}

// WatchRates calls each with what the lab's links carry and its nodes use, about once a second: everything first, then what changed. It ends
// when each returns false (nil), with the error of ctx, or when rights end.
func (c *Client) WatchRates(ctx context.Context, lab string, each func(control.Rates) bool) error {
	response, err := c.do(ctx, "GET", path("labs", lab, "rates"), nil, nil, nil, -1)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	for lines := json.NewDecoder(response.Body); ; {
		var sample struct {
			control.Rates
			Fault *fault.Error `json:"error"` // the last line, when rights have ended
		}
		if err := lines.Decode(&sample); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fault.Wrap(err, fault.Unavailable, "The connection to the controller broke.")
		}
		if sample.Fault != nil {
			return sample.Fault
		}
		if !each(sample.Rates) {
			return nil
		}
	}
}
