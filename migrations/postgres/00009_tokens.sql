-- +goose Up
-- What API tokens may do, service accounts that only have such, and sessions by their id.

CREATE INDEX sessions_by_id ON sessions (id);

ALTER TABLE api_tokens ADD COLUMN scope TEXT NOT NULL DEFAULT 'all';
ALTER TABLE api_tokens ADD COLUMN last_address TEXT NOT NULL DEFAULT '';

-- A service account is a user that is no person: it belongs to one workspace and ends with it.
ALTER TABLE users ADD COLUMN service_of TEXT REFERENCES tenants (id) ON DELETE CASCADE; -- NULL: a person
ALTER TABLE users ADD COLUMN service_by TEXT NOT NULL DEFAULT '';                       -- name of who made it
CREATE UNIQUE INDEX users_services ON users (service_of, name);
