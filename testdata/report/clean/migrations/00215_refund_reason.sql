-- +goose Up
SET lock_timeout = '2s';
ALTER TABLE refunds ADD COLUMN reason text;
