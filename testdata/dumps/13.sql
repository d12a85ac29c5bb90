--
-- PostgreSQL database dump
--

-- Dumped from database version 13.23
-- Dumped by pg_dump version 13.16 (Debian 13.16-0+deb11u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: shop; Type: SCHEMA; Schema: -; Owner: postgres
--

CREATE SCHEMA shop;


ALTER SCHEMA shop OWNER TO postgres;

--
-- Name: SCHEMA shop; Type: COMMENT; Schema: -; Owner: postgres
--

COMMENT ON SCHEMA shop IS 'what is sold; and "to whom"';


--
-- Name: pg_trgm; Type: EXTENSION; Schema: -; Owner: -
--

CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;


--
-- Name: EXTENSION pg_trgm; Type: COMMENT; Schema: -; Owner: 
--

COMMENT ON EXTENSION pg_trgm IS 'text similarity measurement and index searching based on trigrams';


--
-- Name: address; Type: TYPE; Schema: shop; Owner: postgres
--

CREATE TYPE shop.address AS (
	street text,
	city text
);


ALTER TYPE shop.address OWNER TO postgres;

--
-- Name: email; Type: DOMAIN; Schema: shop; Owner: postgres
--

CREATE DOMAIN shop.email AS text
	CONSTRAINT email_at CHECK ((VALUE ~ '@'::text));


ALTER DOMAIN shop.email OWNER TO postgres;

--
-- Name: span; Type: TYPE; Schema: shop; Owner: postgres
--

CREATE TYPE shop.span AS RANGE (
    subtype = numeric
);


ALTER TYPE shop.span OWNER TO postgres;

--
-- Name: state; Type: TYPE; Schema: shop; Owner: postgres
--

CREATE TYPE shop.state AS ENUM (
    'new',
    'paid',
    'it''s sent'
);


ALTER TYPE shop.state OWNER TO postgres;

--
-- Name: next_ref(); Type: FUNCTION; Schema: shop; Owner: postgres
--

CREATE FUNCTION shop.next_ref() RETURNS text
    LANGUAGE plpgsql
    AS $_$
BEGIN
  -- a semicolon; and a $$ quote
  RETURN 'R' || nextval('shop.refs'); 
END;
$_$;


ALTER FUNCTION shop.next_ref() OWNER TO postgres;

--
-- Name: tidy(); Type: PROCEDURE; Schema: shop; Owner: postgres
--

CREATE PROCEDURE shop.tidy()
    LANGUAGE sql
    AS $$DELETE FROM shop.orders WHERE false$$;


ALTER PROCEDURE shop.tidy() OWNER TO postgres;

--
-- Name: touch(); Type: FUNCTION; Schema: shop; Owner: postgres
--

CREATE FUNCTION shop.touch() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN NEW.tags := NEW.tags || 'touched'::text; RETURN NEW; END $$;


ALTER FUNCTION shop.touch() OWNER TO postgres;

--
-- Name: longest(text); Type: AGGREGATE; Schema: shop; Owner: postgres
--

CREATE AGGREGATE shop.longest(text) (
    SFUNC = textcat,
    STYPE = text,
    INITCOND = ''
);


ALTER AGGREGATE shop.longest(text) OWNER TO postgres;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: parent; Type: TABLE; Schema: shop; Owner: postgres
--

CREATE TABLE shop.parent (
    a integer
);


ALTER TABLE shop.parent OWNER TO postgres;

--
-- Name: child; Type: TABLE; Schema: shop; Owner: postgres
--

CREATE TABLE shop.child (
    b integer
)
INHERITS (shop.parent);


ALTER TABLE shop.child OWNER TO postgres;

--
-- Name: customers; Type: TABLE; Schema: shop; Owner: postgres
--

CREATE TABLE shop.customers (
    id bigint NOT NULL,
    mail shop.email NOT NULL,
    lives shop.address,
    "Odd name" text DEFAULT 'tab	here\'::text,
    notes text,
    lower_notes text GENERATED ALWAYS AS (lower(notes)) STORED
);

ALTER TABLE ONLY shop.customers REPLICA IDENTITY FULL;


ALTER TABLE shop.customers OWNER TO postgres;

--
-- Name: customers_id_seq; Type: SEQUENCE; Schema: shop; Owner: postgres
--

ALTER TABLE shop.customers ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME shop.customers_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: events; Type: TABLE; Schema: shop; Owner: postgres
--

CREATE TABLE shop.events (
    at timestamp with time zone NOT NULL,
    what jsonb
)
PARTITION BY RANGE (at);


ALTER TABLE shop.events OWNER TO postgres;

--
-- Name: events_2024; Type: TABLE; Schema: shop; Owner: postgres
--

CREATE TABLE shop.events_2024 (
    at timestamp with time zone NOT NULL,
    what jsonb
);
ALTER TABLE ONLY shop.events ATTACH PARTITION shop.events_2024 FOR VALUES FROM ('2024-01-01 00:00:00+00') TO ('2025-01-01 00:00:00+00');


ALTER TABLE shop.events_2024 OWNER TO postgres;

--
-- Name: events_rest; Type: TABLE; Schema: shop; Owner: postgres
--

CREATE TABLE shop.events_rest (
    at timestamp with time zone NOT NULL,
    what jsonb
);
ALTER TABLE ONLY shop.events ATTACH PARTITION shop.events_rest DEFAULT;


ALTER TABLE shop.events_rest OWNER TO postgres;

--
-- Name: orders; Type: TABLE; Schema: shop; Owner: postgres
--

CREATE TABLE shop.orders (
    id integer NOT NULL,
    customer_id bigint NOT NULL,
    ref text DEFAULT shop.next_ref() NOT NULL,
    total numeric(12,2),
    state shop.state DEFAULT 'new'::shop.state,
    during tstzrange,
    tags text[] DEFAULT '{}'::text[],
    CONSTRAINT orders_total_check CHECK ((total >= (0)::numeric))
)
WITH (fillfactor='70');
ALTER TABLE ONLY shop.orders ALTER COLUMN ref SET STORAGE EXTERNAL;
ALTER TABLE ONLY shop.orders ALTER COLUMN total SET STATISTICS 500;


ALTER TABLE shop.orders OWNER TO postgres;

--
-- Name: COLUMN orders.ref; Type: COMMENT; Schema: shop; Owner: postgres
--

COMMENT ON COLUMN shop.orders.ref IS 'line one
line two; it''s \ odd';


--
-- Name: open_orders; Type: VIEW; Schema: shop; Owner: postgres
--

CREATE VIEW shop.open_orders WITH (security_barrier='true') AS
 SELECT o.id,
    c.mail,
    o.total
   FROM (shop.orders o
     JOIN shop.customers c ON ((c.id = o.customer_id)))
  WHERE (o.state <> 'paid'::shop.state);


ALTER TABLE shop.open_orders OWNER TO postgres;

--
-- Name: orders_id_seq; Type: SEQUENCE; Schema: shop; Owner: postgres
--

CREATE SEQUENCE shop.orders_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


ALTER TABLE shop.orders_id_seq OWNER TO postgres;

--
-- Name: orders_id_seq; Type: SEQUENCE OWNED BY; Schema: shop; Owner: postgres
--

ALTER SEQUENCE shop.orders_id_seq OWNED BY shop.orders.id;


--
-- Name: refs; Type: SEQUENCE; Schema: shop; Owner: postgres
--

CREATE SEQUENCE shop.refs
    START WITH 100
    INCREMENT BY 5
    NO MINVALUE
    NO MAXVALUE
    CACHE 10;


ALTER TABLE shop.refs OWNER TO postgres;

--
-- Name: revenue; Type: MATERIALIZED VIEW; Schema: shop; Owner: postgres
--

CREATE MATERIALIZED VIEW shop.revenue AS
 SELECT orders.customer_id,
    sum(orders.total) AS total
   FROM shop.orders
  GROUP BY orders.customer_id
  WITH NO DATA;


ALTER TABLE shop.revenue OWNER TO postgres;

--
-- Name: orders id; Type: DEFAULT; Schema: shop; Owner: postgres
--

ALTER TABLE ONLY shop.orders ALTER COLUMN id SET DEFAULT nextval('shop.orders_id_seq'::regclass);


--
-- Name: 16575; Type: BLOB; Schema: -; Owner: postgres
--

SELECT pg_catalog.lo_create('16575');


ALTER LARGE OBJECT 16575 OWNER TO postgres;

--
-- Data for Name: child; Type: TABLE DATA; Schema: shop; Owner: postgres
--

COPY shop.child (a, b) FROM stdin;
\.


--
-- Data for Name: customers; Type: TABLE DATA; Schema: shop; Owner: postgres
--

COPY shop.customers (id, mail, lives, "Odd name", notes) FROM stdin;
1	a@example.com	("1 ""Main"" St",Ulm)	tab\there\\	tab\t and \\ and\nnewline
2	b@example.com	\N	tab\there\\	\N
3	c@example.com	\N	tab\there\\	\\.
\.


--
-- Data for Name: events_2024; Type: TABLE DATA; Schema: shop; Owner: postgres
--

COPY shop.events_2024 (at, what) FROM stdin;
2024-05-05 00:00:00+00	{"a": "\\""}
\.


--
-- Data for Name: events_rest; Type: TABLE DATA; Schema: shop; Owner: postgres
--

COPY shop.events_rest (at, what) FROM stdin;
2030-01-01 00:00:00+00	\N
\.


--
-- Data for Name: orders; Type: TABLE DATA; Schema: shop; Owner: postgres
--

COPY shop.orders (id, customer_id, ref, total, state, during, tags) FROM stdin;
1	1	R100	12.50	new	["2024-01-01 00:00:00+00","2024-01-02 00:00:00+00")	{"a b",c}
2	2	R105	\N	new	\N	\N
\.


--
-- Data for Name: parent; Type: TABLE DATA; Schema: shop; Owner: postgres
--

COPY shop.parent (a) FROM stdin;
\.


--
-- Name: customers_id_seq; Type: SEQUENCE SET; Schema: shop; Owner: postgres
--

SELECT pg_catalog.setval('shop.customers_id_seq', 3, true);


--
-- Name: orders_id_seq; Type: SEQUENCE SET; Schema: shop; Owner: postgres
--

SELECT pg_catalog.setval('shop.orders_id_seq', 2, true);


--
-- Name: refs; Type: SEQUENCE SET; Schema: shop; Owner: postgres
--

SELECT pg_catalog.setval('shop.refs', 250, true);


--
-- Data for Name: BLOBS; Type: BLOBS; Schema: -; Owner: -
--

BEGIN;

SELECT pg_catalog.lo_open('16575', 131072);
SELECT pg_catalog.lowrite(0, '\x0102');
SELECT pg_catalog.lo_close(0);

COMMIT;

--
-- Name: customers customers_mail_key; Type: CONSTRAINT; Schema: shop; Owner: postgres
--

ALTER TABLE ONLY shop.customers
    ADD CONSTRAINT customers_mail_key UNIQUE (mail);


--
-- Name: customers customers_pkey; Type: CONSTRAINT; Schema: shop; Owner: postgres
--

ALTER TABLE ONLY shop.customers
    ADD CONSTRAINT customers_pkey PRIMARY KEY (id);


--
-- Name: orders orders_during_excl; Type: CONSTRAINT; Schema: shop; Owner: postgres
--

ALTER TABLE ONLY shop.orders
    ADD CONSTRAINT orders_during_excl EXCLUDE USING gist (during WITH &&);


--
-- Name: orders orders_pkey; Type: CONSTRAINT; Schema: shop; Owner: postgres
--

ALTER TABLE ONLY shop.orders
    ADD CONSTRAINT orders_pkey PRIMARY KEY (id);

ALTER TABLE shop.orders CLUSTER ON orders_pkey;


--
-- Name: events_at; Type: INDEX; Schema: shop; Owner: postgres
--

CREATE INDEX events_at ON ONLY shop.events USING btree (at);


--
-- Name: events_2024_at_idx; Type: INDEX; Schema: shop; Owner: postgres
--

CREATE INDEX events_2024_at_idx ON shop.events_2024 USING btree (at);


--
-- Name: events_rest_at_idx; Type: INDEX; Schema: shop; Owner: postgres
--

CREATE INDEX events_rest_at_idx ON shop.events_rest USING btree (at);


--
-- Name: orders_open; Type: INDEX; Schema: shop; Owner: postgres
--

CREATE INDEX orders_open ON shop.orders USING btree (customer_id) WHERE (state <> 'paid'::shop.state);


--
-- Name: orders_ref; Type: INDEX; Schema: shop; Owner: postgres
--

CREATE INDEX orders_ref ON shop.orders USING gin (ref public.gin_trgm_ops);


--
-- Name: revenue_customer; Type: INDEX; Schema: shop; Owner: postgres
--

CREATE UNIQUE INDEX revenue_customer ON shop.revenue USING btree (customer_id);


--
-- Name: events_2024_at_idx; Type: INDEX ATTACH; Schema: shop; Owner: postgres
--

ALTER INDEX shop.events_at ATTACH PARTITION shop.events_2024_at_idx;


--
-- Name: events_rest_at_idx; Type: INDEX ATTACH; Schema: shop; Owner: postgres
--

ALTER INDEX shop.events_at ATTACH PARTITION shop.events_rest_at_idx;


--
-- Name: orders_stats; Type: STATISTICS; Schema: shop; Owner: postgres
--

CREATE STATISTICS shop.orders_stats (dependencies) ON customer_id, state FROM shop.orders;


ALTER STATISTICS shop.orders_stats OWNER TO postgres;

--
-- Name: parent no_delete; Type: RULE; Schema: shop; Owner: postgres
--

CREATE RULE no_delete AS
    ON DELETE TO shop.parent DO INSTEAD NOTHING;


--
-- Name: orders orders_touch; Type: TRIGGER; Schema: shop; Owner: postgres
--

CREATE TRIGGER orders_touch BEFORE UPDATE ON shop.orders FOR EACH ROW WHEN ((old.total IS DISTINCT FROM new.total)) EXECUTE FUNCTION shop.touch();

ALTER TABLE shop.orders DISABLE TRIGGER orders_touch;


--
-- Name: orders orders_customer_id_fkey; Type: FK CONSTRAINT; Schema: shop; Owner: postgres
--

ALTER TABLE ONLY shop.orders
    ADD CONSTRAINT orders_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES shop.customers(id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;


--
-- Name: orders mine; Type: POLICY; Schema: shop; Owner: postgres
--

CREATE POLICY mine ON shop.orders FOR SELECT USING ((ref = current_setting('app.ref'::text, true)));


--
-- Name: orders; Type: ROW SECURITY; Schema: shop; Owner: postgres
--

ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY;

--
-- Name: SCHEMA shop; Type: ACL; Schema: -; Owner: postgres
--

GRANT USAGE ON SCHEMA shop TO PUBLIC;


--
-- Name: FUNCTION next_ref(); Type: ACL; Schema: shop; Owner: postgres
--

REVOKE ALL ON FUNCTION shop.next_ref() FROM PUBLIC;


--
-- Name: COLUMN orders.id; Type: ACL; Schema: shop; Owner: postgres
--

GRANT SELECT(id) ON TABLE shop.orders TO PUBLIC;


--
-- Name: COLUMN orders.ref; Type: ACL; Schema: shop; Owner: postgres
--

GRANT SELECT(ref) ON TABLE shop.orders TO PUBLIC;


--
-- Name: DEFAULT PRIVILEGES FOR TABLES; Type: DEFAULT ACL; Schema: shop; Owner: postgres
--

ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA shop GRANT SELECT ON TABLES  TO PUBLIC;


--
-- Name: revenue; Type: MATERIALIZED VIEW DATA; Schema: shop; Owner: postgres
--

REFRESH MATERIALIZED VIEW shop.revenue;


--
-- PostgreSQL database dump complete
--

