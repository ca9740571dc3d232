-- +goose Up
-- What a workspace says of images; null leaves it to the site. The site's own is in settings.
ALTER TABLE tenants ADD COLUMN images_json TEXT NOT NULL DEFAULT 'null';
