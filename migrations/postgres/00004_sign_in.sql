-- +goose Up
-- Signing in by providers: who they are, whom they vouch for, what their claims give, and whose browser sessions there are.

CREATE TABLE login_providers (
  id            TEXT PRIMARY KEY,
  place         BIGINT NOT NULL,          -- the order of their buttons
  settings_json TEXT NOT NULL,            -- without the secret
  secret        TEXT NOT NULL DEFAULT '', -- of the client, sealed
  from_file     BOOLEAN NOT NULL DEFAULT FALSE,
  created_at    BIGINT NOT NULL,
  updated_at    BIGINT NOT NULL
);

CREATE TABLE login_rules (
  id         TEXT PRIMARY KEY,
  provider   TEXT NOT NULL REFERENCES login_providers (id) ON DELETE CASCADE,
  place      BIGINT NOT NULL,
  rule_json  TEXT NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE INDEX login_rules_by_provider ON login_rules (provider, place);

-- People at providers. The pair names the person, the address never does. A provider that is gone leaves its people known.
CREATE TABLE identities (
  issuer        TEXT NOT NULL,
  subject       TEXT NOT NULL,
  user_id       TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  provider      TEXT NOT NULL,            -- by which the person came in last
  email         TEXT NOT NULL DEFAULT '', -- as the provider says; for people to read
  name          TEXT NOT NULL DEFAULT '',
  access_token  TEXT NOT NULL DEFAULT '', -- sealed
  refresh_token TEXT NOT NULL DEFAULT '', -- sealed
  expires_at    BIGINT NOT NULL DEFAULT 0, -- of the access token
  created_at    BIGINT NOT NULL,
  used_at       BIGINT NOT NULL DEFAULT 0, -- the last sign-in
  checked_at    BIGINT NOT NULL DEFAULT 0, -- when the provider last said that the person is there
  gone_at       BIGINT NOT NULL DEFAULT 0, -- when it said that the person is not; 0 again at the next sign-in
  PRIMARY KEY (issuer, subject)
);
CREATE INDEX identities_by_user ON identities (user_id);
CREATE INDEX identities_to_check ON identities (gone_at, checked_at);

-- One membership by hand and one by each provider that gives one: the highest role counts.
ALTER TABLE memberships ADD COLUMN source TEXT NOT NULL DEFAULT '';
ALTER TABLE memberships DROP CONSTRAINT memberships_pkey;
ALTER TABLE memberships ADD PRIMARY KEY (user_id, tenant_id, source);
CREATE INDEX memberships_by_tenant ON memberships (tenant_id);

-- Whose session it is, so that sessions can be listed, and ended by person, by subject and by the provider's own session.
ALTER TABLE sessions ADD COLUMN id TEXT NOT NULL DEFAULT '';  -- for lists: the token stays with its browser
ALTER TABLE sessions ADD COLUMN user_id TEXT REFERENCES users (id) ON DELETE CASCADE;
ALTER TABLE sessions ADD COLUMN provider TEXT NOT NULL DEFAULT ''; -- '' came in by password, link or token
ALTER TABLE sessions ADD COLUMN issuer TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN subject TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN sid TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN id_token TEXT NOT NULL DEFAULT ''; -- sealed; the hint for signing out at the provider
ALTER TABLE sessions ADD COLUMN created_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN seen_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN address TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN agent TEXT NOT NULL DEFAULT '';
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_subject ON sessions (issuer, subject);
