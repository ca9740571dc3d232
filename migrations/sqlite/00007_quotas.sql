-- +goose Up
-- What workspaces and the people in them may use, and what they do.

-- Of the site, for those whom nobody says otherwise of. -1 is unlimited; a resource that is absent is not limited.
CREATE TABLE quota_defaults (
  whose    TEXT NOT NULL, -- workspace or person
  resource TEXT NOT NULL,
  amount   BIGINT NOT NULL,
  PRIMARY KEY (whose, resource)
);

-- Of a workspace, and of each person in it.
CREATE TABLE tenant_quotas (
  tenant_id TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  whose     TEXT NOT NULL, -- workspace or person
  resource  TEXT NOT NULL,
  amount    BIGINT NOT NULL,
  PRIMARY KEY (tenant_id, whose, resource)
);

-- Of one person in a workspace.
CREATE TABLE person_quotas (
  tenant_id TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  user_id   TEXT NOT NULL,
  resource  TEXT NOT NULL,
  amount    BIGINT NOT NULL,
  PRIMARY KEY (tenant_id, user_id, resource)
);

-- What a stored lab holds: written in the transaction that says what the lab shall be. Who owns the lab is charged. A lab without a row, or with one that was made
-- by another formula, gets its row when the store opens.
CREATE TABLE lab_reservations (
  lab_id       TEXT PRIMARY KEY REFERENCES labs (id) ON DELETE CASCADE,
  nodes        BIGINT NOT NULL,
  cpu          BIGINT NOT NULL,           -- thousandths of a core
  memory       BIGINT NOT NULL,           -- bytes
  disk         BIGINT NOT NULL,           -- bytes
  counted_at   BIGINT NOT NULL DEFAULT 0, -- it runs, and its hours are counted up to then; 0: it does not run
  formula      TEXT NOT NULL
);

-- What is used up rather than held: bytes uploaded on a day (20261121), seconds of labs that ran in a month (202611).
CREATE TABLE quota_use (
  tenant_id TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  user_id   TEXT NOT NULL,
  resource  TEXT NOT NULL,
  period    BIGINT NOT NULL,
  amount    BIGINT NOT NULL,
  PRIMARY KEY (tenant_id, user_id, resource, period)
);

-- What each way out of a deployed lab is limited to, in bits a second; 0: nothing.
ALTER TABLE labs ADD COLUMN egress_rate BIGINT NOT NULL DEFAULT 0;
