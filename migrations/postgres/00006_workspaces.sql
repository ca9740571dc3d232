-- +goose Up
-- Workspaces that people make and delete, and invitations to them.

ALTER TABLE tenants ADD COLUMN ends_at BIGINT NOT NULL DEFAULT 0;  -- deleted: closed now and gone then; 0: nobody has deleted it
ALTER TABLE tenants ADD COLUMN ended_by TEXT NOT NULL DEFAULT '';  -- name of who did

CREATE TABLE invitations (
  id         TEXT PRIMARY KEY,
  tenant_id  TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  hash       TEXT NOT NULL UNIQUE,
  role       TEXT NOT NULL,
  domain     TEXT NOT NULL DEFAULT '',     -- of the e-mail address; '' is any
  uses       BIGINT NOT NULL,
  used       BIGINT NOT NULL DEFAULT 0,
  by_id      TEXT NOT NULL,                -- who invites; the link ends when they may no longer
  by_name    TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  CHECK (used >= 0 AND used <= uses)
);
CREATE INDEX invitations_by_tenant ON invitations (tenant_id);
