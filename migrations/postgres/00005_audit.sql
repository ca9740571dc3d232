-- +goose Up
-- What was done, by whom. Events are only ever appended; each has the hash of the one before in its own.

CREATE TABLE audit_events (
  number      BIGINT PRIMARY KEY,       -- 1, 2, 3, … without gaps
  at          BIGINT NOT NULL,
  actor_id    TEXT NOT NULL,            -- names are those of that time, and refer to nothing: the event outlives them
  actor_name  TEXT NOT NULL,
  behind_id   TEXT NOT NULL,
  behind_name TEXT NOT NULL,
  token_id    TEXT NOT NULL,
  tenant_id   TEXT NOT NULL,            -- '' is the site
  verb        TEXT NOT NULL,
  object_kind TEXT NOT NULL,
  object_id   TEXT NOT NULL,
  object_name TEXT NOT NULL,
  before_json TEXT NOT NULL,            -- canonical JSON, '' where there is none
  after_json  TEXT NOT NULL,
  address     TEXT NOT NULL,
  request_id  TEXT NOT NULL,
  hash        TEXT NOT NULL             -- sha256 of the hash before and the canonical event
);
CREATE INDEX audit_events_by_tenant ON audit_events (tenant_id, number);
CREATE INDEX audit_events_by_actor ON audit_events (actor_id, number);
CREATE INDEX audit_events_by_object ON audit_events (object_id, number);
CREATE INDEX audit_events_by_time ON audit_events (at);

-- The last event. Whoever appends holds this row locked.
CREATE TABLE audit_head (
  id     BIGINT PRIMARY KEY CHECK (id = 1),
  number BIGINT NOT NULL,
  hash   TEXT NOT NULL
);
INSERT INTO audit_head (id, number, hash) VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');

-- Up to where events may be taken away: what comes after goes on from this hash.
CREATE TABLE audit_checkpoints (
  number BIGINT PRIMARY KEY,
  hash   TEXT NOT NULL,
  at     BIGINT NOT NULL
);

-- +goose StatementBegin
CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit is only appended to: % of % is refused', TG_OP, TG_TABLE_NAME;
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION audit_refuse_after_checkpoint() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.number > COALESCE((SELECT max(number) FROM audit_checkpoints), 0) THEN
    RAISE EXCEPTION 'events of the audit after its last checkpoint are kept';
  END IF;
  RETURN OLD;
END
$$;
-- +goose StatementEnd

CREATE TRIGGER audit_events_stay BEFORE UPDATE ON audit_events FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_events_remain BEFORE DELETE ON audit_events FOR EACH ROW EXECUTE FUNCTION audit_refuse_after_checkpoint();
CREATE TRIGGER audit_events_whole BEFORE TRUNCATE ON audit_events FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_checkpoints_stay BEFORE UPDATE OR DELETE ON audit_checkpoints FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_checkpoints_whole BEFORE TRUNCATE ON audit_checkpoints FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
