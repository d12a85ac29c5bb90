-- +goose Up
-- assay:sensitive
INSERT INTO api_keys (name, token) VALUES ('s3cr3t-name', 's3cr3t-token');
ALTER TABLE api_keys ALTER COLUMN token SET NOT NULL;
