-- What the dumps of this directory are dumps of. Kept to what PostgreSQL 13 has.
CREATE SCHEMA shop;
CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;
COMMENT ON SCHEMA shop IS 'what is sold; and "to whom"';
CREATE TYPE shop.state AS ENUM ('new', 'paid', 'it''s sent');
CREATE TYPE shop.address AS (street text, city text);
CREATE DOMAIN shop.email AS text CONSTRAINT email_at CHECK (VALUE ~ '@');
CREATE TYPE shop.span AS RANGE (subtype = numeric);
CREATE FUNCTION shop.next_ref() RETURNS text LANGUAGE plpgsql AS $fn$
BEGIN
  -- a semicolon; and a $$ quote
  RETURN 'R' || nextval('shop.refs'); 
END;
$fn$;
CREATE SEQUENCE shop.refs START 100 INCREMENT 5 CACHE 10;
CREATE TABLE shop.customers (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  mail shop.email NOT NULL UNIQUE,
  lives shop.address,
  "Odd name" text DEFAULT E'tab\there\\',
  notes text,
  lower_notes text GENERATED ALWAYS AS (lower(notes)) STORED
);
CREATE TABLE shop.orders (
  id serial PRIMARY KEY,
  customer_id bigint NOT NULL REFERENCES shop.customers ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
  ref text DEFAULT shop.next_ref() NOT NULL,
  total numeric(12,2) CHECK (total >= 0),
  state shop.state DEFAULT 'new'::shop.state,
  during tstzrange,
  tags text[] DEFAULT '{}',
  EXCLUDE USING gist (during WITH &&)
);
CREATE TABLE shop.events (at timestamptz NOT NULL, what jsonb) PARTITION BY RANGE (at);
CREATE TABLE shop.events_2024 PARTITION OF shop.events FOR VALUES FROM ('2024-01-01 00:00:00+00') TO ('2025-01-01 00:00:00+00');
CREATE TABLE shop.events_rest PARTITION OF shop.events DEFAULT;
CREATE INDEX events_at ON shop.events (at);
CREATE INDEX orders_ref ON shop.orders USING gin (ref public.gin_trgm_ops);
CREATE INDEX orders_open ON shop.orders (customer_id) WHERE state <> 'paid';
CREATE STATISTICS shop.orders_stats (dependencies) ON customer_id, state FROM shop.orders;
CREATE TABLE shop.parent (a int);
CREATE TABLE shop.child (b int) INHERITS (shop.parent);
CREATE VIEW shop.open_orders WITH (security_barrier='true') AS SELECT o.id, c.mail, o.total FROM shop.orders o JOIN shop.customers c ON c.id = o.customer_id WHERE o.state <> 'paid';
CREATE MATERIALIZED VIEW shop.revenue AS SELECT customer_id, sum(total) AS total FROM shop.orders GROUP BY 1 WITH NO DATA;
CREATE UNIQUE INDEX revenue_customer ON shop.revenue (customer_id);
CREATE FUNCTION shop.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.tags := NEW.tags || 'touched'::text; RETURN NEW; END $$;
CREATE TRIGGER orders_touch BEFORE UPDATE ON shop.orders FOR EACH ROW WHEN (OLD.total IS DISTINCT FROM NEW.total) EXECUTE FUNCTION shop.touch();
ALTER TABLE shop.orders DISABLE TRIGGER orders_touch;
CREATE RULE no_delete AS ON DELETE TO shop.parent DO INSTEAD NOTHING;
ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON shop.orders FOR SELECT USING (ref = current_setting('app.ref', true));
CREATE AGGREGATE shop.longest(text) (SFUNC = textcat, STYPE = text, INITCOND = '');
CREATE PROCEDURE shop.tidy() LANGUAGE sql AS 'DELETE FROM shop.orders WHERE false';
ALTER TABLE shop.orders ALTER COLUMN ref SET STORAGE EXTERNAL, ALTER COLUMN total SET STATISTICS 500, SET (fillfactor = 70);
ALTER TABLE shop.orders CLUSTER ON orders_pkey;
ALTER TABLE shop.customers REPLICA IDENTITY FULL;
COMMENT ON COLUMN shop.orders.ref IS 'line one
line two; it''s \ odd';
INSERT INTO shop.customers (mail, lives, notes) VALUES ('a@example.com', ROW('1 "Main" St', 'Ulm'), E'tab\t and \\ and\nnewline'), ('b@example.com', NULL, NULL), ('c@example.com', NULL, '\.');
INSERT INTO shop.orders (customer_id, total, tags, during) VALUES (1, 12.50, '{"a b",c}', '[2024-01-01,2024-01-02)'), (2, NULL, NULL, NULL);
INSERT INTO shop.events VALUES ('2024-05-05', '{"a": "\""}'), ('2030-01-01', NULL);
REFRESH MATERIALIZED VIEW shop.revenue;
SELECT setval('shop.refs', 250);
GRANT USAGE ON SCHEMA shop TO PUBLIC;
GRANT SELECT (id, ref) ON shop.orders TO PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA shop GRANT SELECT ON TABLES TO PUBLIC;
REVOKE EXECUTE ON FUNCTION shop.next_ref() FROM PUBLIC;
SELECT pg_catalog.lo_from_bytea(0, '\x0102');
