-- +goose Up
SET lock_timeout = '2s';
ALTER TABLE customers DROP COLUMN legacy_code CASCADE;
ALTER TABLE items ALTER COLUMN price TYPE bigint USING (price * 100)::bigint;
CREATE TABLE refunds (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id bigint NOT NULL REFERENCES orders (id),
    amount bigint NOT NULL,
    created_at timestamp NOT NULL DEFAULT now()
);
