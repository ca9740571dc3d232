package client

import (
	"context"
	"io"
	"strconv"

	"trunkline/web/api"
)

// Audit lists what was done, the newest first: so many (0: 100), before the event of a number (0: from the newest on).
func (c *Client) Audit(ctx context.Context, choice api.AuditChoice, limit int, before int64) (page api.AuditPage, err error) {
	query := choice.Values()
	if limit > 0 {
		query.Set("limit", strconv.Itoa(limit))
	}
	if before > 0 {
		query.Set("before", strconv.FormatInt(before, 10))
	}
	return page, c.json(ctx, "GET", "audit", query, nil, &page)
}

// ExportAudit writes what was done as JSON lines, the oldest first. That is itself recorded.
func (c *Client) ExportAudit(ctx context.Context, choice api.AuditChoice, w io.Writer) error {
	response, err := c.do(ctx, "GET", "audit/export", choice.Values(), nil, nil, -1)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	return copyBody(w, response.Body)
}
