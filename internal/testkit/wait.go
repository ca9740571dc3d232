package testkit

import (
	"context"
	"fmt"
	"time"

	"trunkline/lab/control"
)

// AwaitState follows a lab until it is in the state; a failed lab ends the wait with its reason.
func (p *Program) AwaitState(ctx context.Context, lab string, wanted control.State) (*control.LabView, error) {
	var last *control.LabView
	for {
		reached := false
		err := p.Client.Watch(ctx, lab, func(e control.Event) bool {
			if e.Lab != nil {
				last = e.Lab
			}
			if e.Lab != nil && e.Lab.State == wanted {
				reached = true
			}
			ended := e.Lab != nil && e.Lab.State == control.Failed
			return !reached && !ended && !e.Resync
		})
		switch {
		case reached:
			return last, nil
		case last != nil && last.State == control.Failed:
			return last, fmt.Errorf("lab %s failed while %s was awaited: %s", lab, wanted, last.Reason)
		case ctx.Err() != nil:
			return last, fmt.Errorf("lab %s did not become %s: it is %+v", lab, wanted, last)
		case err != nil:
			select { // the program is being restarted
			case <-ctx.Done():
			case <-time.After(100 * time.Millisecond):
			}
		}
	}
}

// Until polls a named condition every 50 ms; the error says what did not come true and how it failed last.
func Until(ctx context.Context, limit time.Duration, condition string, holds func() error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		err := holds()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s did not come true within %v: %w", condition, limit, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
