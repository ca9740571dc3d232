-- +goose Up
-- Every revision of a lab's file is kept, with who made it and what was done.

ALTER TABLE lab_revisions ADD COLUMN author_id  TEXT NOT NULL DEFAULT '';   -- '' from before it was kept
ALTER TABLE lab_revisions ADD COLUMN author     TEXT NOT NULL DEFAULT '';
ALTER TABLE lab_revisions ADD COLUMN words      TEXT NOT NULL DEFAULT '';   -- what was done, in words
ALTER TABLE lab_revisions ADD COLUMN note       TEXT NOT NULL DEFAULT '';   -- why, in the author's words
ALTER TABLE lab_revisions ADD COLUMN node_count BIGINT NOT NULL DEFAULT 0;
ALTER TABLE lab_revisions ADD COLUMN link_count BIGINT NOT NULL DEFAULT 0;
ALTER TABLE lab_revisions ADD COLUMN files_of   BIGINT NOT NULL DEFAULT 0;  -- the revision whose files it has, but for the lab file; 0: its own
