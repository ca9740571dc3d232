-- +goose Up
-- Single labs that are shared: with people by name or address, and by links.

CREATE TABLE shares (
  id         TEXT PRIMARY KEY,
  tenant_id  TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  lab_id     TEXT NOT NULL REFERENCES labs (id) ON DELETE CASCADE,
  level      TEXT NOT NULL,
  user_id    TEXT REFERENCES users (id) ON DELETE CASCADE, -- who it is for, where that was known when it was made
  address    TEXT NOT NULL DEFAULT '',     -- of a person from elsewhere, who is known by it alone
  name       TEXT NOT NULL DEFAULT '',     -- of a member of the workspace, as people read it
  hash       TEXT UNIQUE,                  -- of a link's secret; NULL: it is for one person
  uses       BIGINT NOT NULL DEFAULT 0,    -- how many may come by a link; 0: any number
  used       BIGINT NOT NULL DEFAULT 0,
  guests     BOOLEAN NOT NULL DEFAULT FALSE, -- people without an account may come by the link
  by_id      TEXT NOT NULL,                -- who shares; it ends when they may no longer
  by_name    TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  CHECK (used >= 0 AND (uses = 0 OR used <= uses)),
  CHECK (hash IS NOT NULL OR user_id IS NOT NULL OR address <> '')
);
CREATE INDEX shares_by_lab ON shares (lab_id);
CREATE INDEX shares_by_user ON shares (user_id);
CREATE INDEX shares_by_address ON shares (address);
CREATE INDEX shares_by_tenant ON shares (tenant_id);

-- Who came by a link: people, and guests without an account.
CREATE TABLE share_guests (
  id         TEXT PRIMARY KEY,
  share_id   TEXT NOT NULL REFERENCES shares (id) ON DELETE CASCADE,
  user_id    TEXT REFERENCES users (id) ON DELETE CASCADE, -- NULL: without an account
  name       TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL DEFAULT 0,    -- of a guest; 0: as long as the share
  ended      BOOLEAN NOT NULL DEFAULT FALSE, -- sent away; kept, so that the link does not let them in again
  UNIQUE (share_id, user_id)
);
CREATE INDEX share_guests_by_user ON share_guests (user_id);

-- A share waits for an address only a provider vouches for. Nothing says so of addresses that were stored before.
ALTER TABLE identities ADD COLUMN email_verified BOOLEAN NOT NULL DEFAULT FALSE;
