-- +goose Up
-- Times are microseconds since 1970 UTC; 0 is never. Columns ending in _json hold one JSON value.

CREATE TABLE tenants (
  id         TEXT PRIMARY KEY,
  name       TEXT NOT NULL UNIQUE,
  created_at BIGINT NOT NULL
);

CREATE TABLE users (
  id            TEXT PRIMARY KEY,
  email         TEXT UNIQUE,            -- NULL until the first administrator has named himself
  name          TEXT NOT NULL DEFAULT '',
  password_hash TEXT NOT NULL DEFAULT '',
  site_admin    BOOLEAN NOT NULL DEFAULT FALSE,
  created_at    BIGINT NOT NULL
);

CREATE TABLE memberships (
  user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  tenant_id  TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  role       TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (user_id, tenant_id)
);

CREATE TABLE signin_links (
  hash       TEXT PRIMARY KEY,
  user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);

CREATE TABLE sessions (
  token      TEXT PRIMARY KEY,
  data       BLOB NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE api_tokens (
  id           TEXT PRIMARY KEY,
  user_id      TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  tenant_id    TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  name         TEXT NOT NULL,
  prefix       TEXT NOT NULL,
  hash         TEXT NOT NULL UNIQUE,
  created_at   BIGINT NOT NULL,
  last_used_at BIGINT NOT NULL DEFAULT 0,
  expires_at   BIGINT NOT NULL DEFAULT 0,
  UNIQUE (user_id, name)
);

CREATE TABLE labs (
  id           TEXT PRIMARY KEY,
  tenant_id    TEXT NOT NULL REFERENCES tenants (id),
  owner_id     TEXT NOT NULL,
  owner_name   TEXT NOT NULL,
  name         TEXT NOT NULL,
  node_count   BIGINT NOT NULL,
  link_count   BIGINT NOT NULL,
  revision     BIGINT NOT NULL,          -- the newest
  created_at   BIGINT NOT NULL,
  updated_at   BIGINT NOT NULL,
  -- desired: written by intents
  want         TEXT NOT NULL DEFAULT '',
  generation   BIGINT NOT NULL DEFAULT 0,
  deploy       BIGINT NOT NULL DEFAULT 0,
  deployed     BIGINT NOT NULL DEFAULT 0, -- revision that is deployed
  image_map_json TEXT NOT NULL DEFAULT 'null',
  given_up_json  TEXT NOT NULL DEFAULT 'null',
  back_json      TEXT NOT NULL DEFAULT 'null',
  back_revision  BIGINT NOT NULL DEFAULT 0,
  returning_back BOOLEAN NOT NULL DEFAULT FALSE,
  forget         BOOLEAN NOT NULL DEFAULT FALSE,
  note           TEXT NOT NULL DEFAULT '',
  -- observed: written by the reconcile loop
  state        TEXT NOT NULL DEFAULT 'stored',
  reason       TEXT NOT NULL DEFAULT '',
  step         TEXT NOT NULL DEFAULT '',
  done         BIGINT NOT NULL DEFAULT 0,
  total        BIGINT NOT NULL DEFAULT 0,
  error_json   TEXT NOT NULL DEFAULT 'null',
  settled      BIGINT NOT NULL DEFAULT 0,
  seen         BIGINT NOT NULL DEFAULT 0,
  UNIQUE (tenant_id, name)
);

CREATE TABLE lab_revisions (
  lab_id         TEXT NOT NULL REFERENCES labs (id) ON DELETE CASCADE,
  number         BIGINT NOT NULL,
  file           TEXT NOT NULL,
  source         TEXT NOT NULL,
  lab_json       TEXT NOT NULL,
  env_json       TEXT NOT NULL DEFAULT 'null',
  image_map_json TEXT NOT NULL DEFAULT 'null',
  created_at     BIGINT NOT NULL,
  PRIMARY KEY (lab_id, number)
);

CREATE TABLE lab_files (
  lab_id   TEXT NOT NULL,
  revision BIGINT NOT NULL,
  path     TEXT NOT NULL,
  size     BIGINT NOT NULL,
  sha256   TEXT NOT NULL,
  mode     BIGINT NOT NULL,
  PRIMARY KEY (lab_id, revision, path),
  FOREIGN KEY (lab_id, revision) REFERENCES lab_revisions (lab_id, number) ON DELETE CASCADE
);
CREATE INDEX lab_files_by_content ON lab_files (sha256);

CREATE TABLE lab_nodes (
  lab_id   TEXT NOT NULL REFERENCES labs (id) ON DELETE CASCADE,
  node     TEXT NOT NULL,
  run      TEXT NOT NULL,
  restarts BIGINT NOT NULL,
  PRIMARY KEY (lab_id, node)
);

CREATE TABLE positions (
  lab_id TEXT NOT NULL REFERENCES labs (id) ON DELETE CASCADE,
  node   TEXT NOT NULL,
  x      DOUBLE PRECISION NOT NULL,
  y      DOUBLE PRECISION NOT NULL,
  PRIMARY KEY (lab_id, node)
);

CREATE TABLE hosts (
  id           TEXT PRIMARY KEY,
  name         TEXT NOT NULL UNIQUE,
  public_key   BLOB NOT NULL UNIQUE,
  labels_json  TEXT NOT NULL DEFAULT 'null',
  info_json    TEXT NOT NULL DEFAULT 'null',
  agent        TEXT NOT NULL DEFAULT '',
  address      TEXT NOT NULL DEFAULT '',
  epoch        BIGINT NOT NULL DEFAULT 0,
  created_at   BIGINT NOT NULL,
  last_seen_at BIGINT NOT NULL DEFAULT 0,
  revoked_at   BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE join_tokens (
  hash        TEXT PRIMARY KEY,
  host_name   TEXT NOT NULL DEFAULT '',  -- '' lets the host choose
  labels_json TEXT NOT NULL DEFAULT 'null',
  created_at  BIGINT NOT NULL,
  expires_at  BIGINT NOT NULL,
  used_at     BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE placements (
  lab_id  TEXT NOT NULL REFERENCES labs (id) ON DELETE CASCADE,
  node    TEXT NOT NULL,
  host_id TEXT NOT NULL REFERENCES hosts (id),
  why     TEXT NOT NULL,
  PRIMARY KEY (lab_id, node)
);
CREATE INDEX placements_by_host ON placements (host_id);

-- What each host was last seen to have of each lab.
CREATE TABLE host_labs (
  host_id     TEXT NOT NULL REFERENCES hosts (id) ON DELETE CASCADE,
  lab_id      TEXT NOT NULL REFERENCES labs (id) ON DELETE CASCADE,
  status_json TEXT NOT NULL,
  updated_at  BIGINT NOT NULL,
  PRIMARY KEY (host_id, lab_id)
);
CREATE INDEX host_labs_by_lab ON host_labs (lab_id);

CREATE TABLE settings (
  key        TEXT PRIMARY KEY,
  value_json TEXT NOT NULL,
  updated_at BIGINT NOT NULL
);
