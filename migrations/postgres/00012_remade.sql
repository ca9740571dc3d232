-- +goose Up
-- How often a person had the node's container made anew.

ALTER TABLE lab_nodes ADD COLUMN remade BIGINT NOT NULL DEFAULT 0;
