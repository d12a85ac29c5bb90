package pipeline_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/assaydb/assay/internal/devdb/postgres/pgtest"
)

// shop is the schema that the data changes below work on.
const shop = `CREATE EXTENSION btree_gist;
CREATE TYPE state AS ENUM ('new', 'paid', 'sent');
CREATE TABLE users (id bigserial PRIMARY KEY, email text NOT NULL UNIQUE, nick varchar(40), age text, born date, score int NOT NULL DEFAULT 0, settings jsonb, tags text[], manager bigint REFERENCES users);
CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_id bigint NOT NULL REFERENCES users, number text, status text NOT NULL DEFAULT 'new', total numeric(10,2) NOT NULL, quantity int NOT NULL, placed timestamptz NOT NULL DEFAULT now(), note text);
CREATE TABLE items (id bigserial PRIMARY KEY, order_id bigint NOT NULL REFERENCES orders ON DELETE CASCADE, sku text NOT NULL, position int NOT NULL, price numeric(8,2), UNIQUE (order_id, position));
CREATE TABLE skus (code text PRIMARY KEY, title varchar(20), weight int);
CREATE TABLE logs (id bigserial, payload text, at timestamp, ms bigint);
CREATE VIEW open_orders AS SELECT id, user_id, number, total FROM orders WHERE status = 'new';
CREATE FUNCTION backfill() RETURNS void LANGUAGE plpgsql AS $$ DECLARE r record; BEGIN FOR r IN SELECT id, age FROM users LOOP UPDATE users SET score = r.age::int WHERE id = r.id; END LOOP; END $$;
CREATE PROCEDURE renumber() LANGUAGE sql AS $$ UPDATE orders SET quantity = 100 / quantity $$`

// dataChanges are statements that work on rows, by what comes of trying them: a
// code if rows break them, empty if none should.
var dataChanges = []struct{ name, change, code string }{
	{"update: lower-case key", "UPDATE users SET email = lower(email)", "23505"},
	{"update: trimmed key with a condition", "UPDATE users SET email = trim(email) WHERE email <> trim(email)", "23505"},
	{"update: cast below a condition", "UPDATE users SET score = age::int WHERE age IS NOT NULL", "22P02"},
	{"update: cast of numbers that may be long", "UPDATE users SET score = age::int WHERE age ~ '^[0-9]+$'", "unlikely 22003"},
	{"update: cast of short numbers", "UPDATE users SET score = age::int WHERE age ~ '^[0-9]{1,4}$'", ""},
	{"update: division", "UPDATE orders SET total = total / quantity", "22012"},
	{"update: division that is guarded", "UPDATE orders SET total = total / quantity WHERE quantity <> 0", ""},
	{"update: division with nullif", "UPDATE orders SET note = (total / nullif(quantity, 0))::text", ""},
	{"update: seconds to milliseconds", "UPDATE users SET score = score * 1000 WHERE score > 0", "22003"},
	{"update: numeric overflow", "UPDATE orders SET total = total * 100", "22003"},
	{"update: too long", "UPDATE skus SET title = code", "22001"},
	{"update: too long with a suffix", "UPDATE users SET nick = nick || ' (old)' WHERE nick IS NOT NULL", "22001"},
	{"update: cut to length", "UPDATE skus SET title = left(code, 20)", ""},
	{"update: two rows of a subquery", "UPDATE users SET nick = (SELECT note FROM orders WHERE orders.user_id = users.id)", "21000"},
	{"update: one row of a subquery", "UPDATE users SET age = (SELECT note FROM orders WHERE orders.user_id = users.id ORDER BY id LIMIT 1)", ""},
	{"update: NULL from a subquery without a match", "UPDATE orders SET status = (SELECT title FROM skus WHERE skus.code = orders.number)", "23502"},
	{"update: NULL from an outer join", "UPDATE orders SET status = s.title FROM orders o LEFT JOIN skus s ON s.code = o.number WHERE o.id = orders.id", "23502"},
	{"update: join", "UPDATE items SET price = (s.weight::text || '00000')::numeric FROM skus s WHERE s.code = items.sku", "22003"},
	{"update: position of the next", "UPDATE items SET position = position + 1", "23505"},
	{"update: position of all", "UPDATE items SET position = 1 WHERE position > 1", "23505"},
	{"update: a json cast", "UPDATE users SET settings = age::jsonb WHERE settings IS NULL", "22P02"},
	{"update: a number in json", "UPDATE users SET score = (settings->>'score')::int WHERE settings ? 'score'", "22P02"},
	{"update: a missing key of json", "UPDATE users SET score = (settings->'game'->>'score')::int", "23502"},
	{"update: array element of json", "UPDATE users SET nick = jsonb_array_length(settings->'roles')::text WHERE settings->'roles' IS NOT NULL", "22023"},
	{"update: an enum cast", "ALTER TABLE orders ADD state state;\nUPDATE orders SET state = status::state", "22P02"},
	{"update: an enum cast of listed ones", "ALTER TABLE orders ADD state state;\nUPDATE orders SET state = status::state WHERE status IN ('new', 'paid')", ""},
	{"update: a date", "UPDATE users SET born = age::date WHERE age <> ''", "22007"},
	{"update: a leap day", "UPDATE users SET born = make_date(extract(year FROM born)::int + 1, extract(month FROM born)::int, extract(day FROM born)::int)", "22008"},
	{"update: epoch", "UPDATE logs SET at = to_timestamp(ms / 1000)", ""},
	{"update: foreign key", "UPDATE users SET manager = score WHERE score > 0", "23503"},
	{"update: check added before", "ALTER TABLE orders ADD CONSTRAINT c CHECK (quantity < 1000) NOT VALID;\nUPDATE orders SET note = ''", "23514"},
	{"update: text in an array", "UPDATE users SET score = tags[1]::int WHERE tags IS NOT NULL", "23502"},
	{"update: part of a text", "UPDATE orders SET quantity = split_part(number, '-', 2)::int WHERE number LIKE '%-%'", "22P02"},
	{"update: through a view", "UPDATE open_orders SET total = total * 1000", "22003"},
	{"update: constants", "UPDATE orders SET status = 'sent' WHERE status = 'paid'", ""},
	{"update: the same key for all", "UPDATE users SET email = 'nobody@example.com'", "23505"},
	{"update: the same key for some", "UPDATE users SET email = '' WHERE nick IS NULL", "23505"},
	{"update: one row", "UPDATE users SET email = 'root@example.com' WHERE id = 1", ""},
	{"update: a counter", "UPDATE users SET score = score + 1", ""},
	{"update: substring length", "UPDATE users SET nick = substr(age, 1, length(age) - 5) WHERE age IS NOT NULL", "22011"},
	{"insert: select of what may be missing", "CREATE TABLE c (name text NOT NULL);\nINSERT INTO c SELECT nick FROM users", "23502"},
	{"insert: select of what is there twice", "CREATE TABLE c (name text PRIMARY KEY);\nINSERT INTO c SELECT sku FROM items", "23505"},
	{"insert: twice but for the case", "CREATE TABLE c (name text PRIMARY KEY);\nINSERT INTO c SELECT lower(s) FROM (SELECT DISTINCT sku AS s FROM items) x", "23505"},
	{"insert: each once", "CREATE TABLE c (name text PRIMARY KEY);\nINSERT INTO c SELECT DISTINCT sku FROM items", ""},
	{"insert: on conflict twice", "CREATE TABLE c (name text PRIMARY KEY, n int);\nINSERT INTO c SELECT sku, position FROM items ON CONFLICT (name) DO UPDATE SET n = excluded.n", "21000"},
	{"insert: on conflict do nothing", "CREATE TABLE c (name text PRIMARY KEY, n int);\nINSERT INTO c SELECT sku, position FROM items ON CONFLICT DO NOTHING", ""},
	{"insert: no match in an outer join", "CREATE TABLE c (item bigint, title text NOT NULL);\nINSERT INTO c SELECT i.id, s.title FROM items i LEFT JOIN skus s ON s.code = i.sku", "23502"},
	{"insert: foreign key without parent", "CREATE TABLE c (sku text REFERENCES skus);\nINSERT INTO c SELECT sku FROM items", "23503"},
	{"insert: into the same table", "INSERT INTO users (email) SELECT email FROM users", "23505"},
	{"insert: copies of rows with a serial", "INSERT INTO orders (user_id, total, quantity) SELECT user_id, total, quantity FROM orders", ""},
	{"insert: into an old table", "INSERT INTO skus (code) SELECT DISTINCT sku FROM items", "23505"},
	{"insert: into an old table, what is new", "INSERT INTO skus (code) SELECT DISTINCT sku FROM items i WHERE NOT EXISTS (SELECT FROM skus WHERE code = i.sku)", ""},
	{"insert: a check", "CREATE TABLE c (n int CHECK (n > 0));\nINSERT INTO c SELECT quantity FROM orders", "23514"},
	{"insert: subquery among values", "CREATE TABLE c (id int, u bigint);\nINSERT INTO c VALUES (1, (SELECT id FROM users WHERE nick = 'root'))", "unlikely 21000"},
	{"insert: exclusion", "CREATE TABLE c (u bigint, during tstzrange, EXCLUDE USING gist (u WITH =, during WITH &&));\nINSERT INTO c SELECT user_id, tstzrange(placed, NULL) FROM orders", "23P01"},
	{"insert: a range that ends before it begins", "CREATE TABLE c (during tsrange);\nINSERT INTO c SELECT tsrange(at, at - ms * interval '1 ms') FROM logs", "22000"},
	{"merge: a row twice", "MERGE INTO skus USING items ON skus.code = items.sku WHEN MATCHED THEN UPDATE SET weight = items.position WHEN NOT MATCHED THEN DO NOTHING", "21000"},
	{"merge: inserts twice", "MERGE INTO skus USING items ON skus.code = items.sku WHEN NOT MATCHED THEN INSERT (code) VALUES (items.sku)", "23505"},
	{"merge: of each once", "MERGE INTO skus USING (SELECT DISTINCT sku FROM items) i ON skus.code = i.sku WHEN NOT MATCHED THEN INSERT (code) VALUES (i.sku)", ""},
	{"delete: with children", "DELETE FROM users WHERE score < 0", "23503"},
	{"delete: with children that go first", "DELETE FROM orders WHERE user_id IN (SELECT id FROM users WHERE score < 0);\nUPDATE users SET manager = NULL;\nDELETE FROM users WHERE score < 0", ""},
	{"delete: cascades", "DELETE FROM orders WHERE status = 'new'", ""},
	{"delete: a cast in its condition", "DELETE FROM users WHERE age::int < 18", "22P02"},
	{"delete: duplicates", "DELETE FROM items a USING items b WHERE a.id > b.id AND a.sku = b.sku", ""},
	{"do: a cast", "DO $$ BEGIN UPDATE users SET score = age::int; END $$", "22P02"},
	{"do: a loop", "DO $$ DECLARE r record; BEGIN FOR r IN SELECT * FROM users LOOP INSERT INTO skus (code) VALUES (r.nick); END LOOP; END $$", "23502"},
	{"do: strict", "DO $$ DECLARE x bigint; BEGIN IF EXISTS (SELECT FROM users) THEN SELECT id INTO STRICT x FROM users WHERE nick = 'root'; END IF; END $$", "P0003"},
	{"do: put together", "DO $$ BEGIN EXECUTE format('UPDATE %I SET quantity = 100 / quantity', 'orders'); END $$", "22012"},
	{"do: a guard", "DO $$ BEGIN IF EXISTS (SELECT FROM users WHERE nick IS NULL) THEN RAISE EXCEPTION 'not yet'; END IF; END $$", ""},
	{"select: a function", "SELECT backfill()", "22P02"},
	{"select: a new function", "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS $$ UPDATE orders SET total = total / quantity $$;\nSELECT f()", "22012"},
	{"call", "CALL renumber()", "22012"},
	{"create table as", "CREATE TABLE c AS SELECT age::int AS age FROM users", "22P02"},
	{"materialized view", "CREATE MATERIALIZED VIEW c AS SELECT 100 / quantity AS q FROM orders", "22012"},
	{"a copy that gets a key", "CREATE TABLE c AS SELECT sku, position FROM items;\nALTER TABLE c ADD PRIMARY KEY (sku)", "23505"},
	{"a copy that gets a NOT NULL", "CREATE TABLE c AS SELECT nick FROM users;\nALTER TABLE c ALTER nick SET NOT NULL", "23502"},
	{"a copy that is changed", "CREATE TABLE c AS SELECT age FROM users;\nUPDATE c SET age = age::int::text", "22P02"},
	{"type: a key of json", "ALTER TABLE users ALTER settings TYPE int USING (settings->>'n')::int", "22P02"},
	{"type: two columns", "ALTER TABLE orders ALTER quantity TYPE bigint USING total / quantity", "22012"},
	{"type: guarded", "ALTER TABLE users ALTER age TYPE int USING CASE WHEN age ~ '^[0-9]{1,3}$' THEN age::int END", ""},
	{"type: an enum", "ALTER TABLE orders ALTER note TYPE state USING note::state", "22P02"},
	{"generated: division by a difference", "ALTER TABLE orders ADD share numeric GENERATED ALWAYS AS (total / (quantity - 12)) STORED", "22012"},
	{"generated: json", "ALTER TABLE users ADD n int GENERATED ALWAYS AS ((settings->>'n')::int) STORED", "22P02"},
	{"generated: not null", "ALTER TABLE users ADD n text NOT NULL GENERATED ALWAYS AS (settings->>'n') STORED", "23502"},
	{"index: an expression of json", "CREATE INDEX ON users (((settings->>'n')::int))", "22P02"},
	{"exclusion: added", "ALTER TABLE orders ADD EXCLUDE USING gist (user_id WITH =, tstzrange(placed, NULL) WITH &&)", "23P01"},
	{"domain: checked", "CREATE DOMAIN percent AS int;\nALTER TABLE users ADD p percent;\nALTER DOMAIN percent ADD CHECK (VALUE <= 100)", ""},
	{"domain: of an old column", "CREATE DOMAIN percent AS int CHECK (VALUE <= 100);\nALTER TABLE users ALTER score TYPE percent", "23514"},
	{"select: sequence", "CREATE SEQUENCE s;\nSELECT setval('s', (SELECT max(id) FROM users))", ""},
}

// TestProveData tries statements that work on rows.
func TestProveData(t *testing.T) {
	for _, major := range pgtest.Majors(t) {
		server := pgtest.Server(t, major)
		for _, k := range dataChanges {
			if only := os.Getenv("ASSAY_TEST_CASE"); !regexp.MustCompile(only).MatchString(k.name) || strings.HasPrefix(k.name, "merge") && major < "15" && major != "" {
				continue
			}
			p, err := proveOne(server, shop, k.change)
			if err != nil {
				t.Errorf("%s: %s: %v", major, k.name, err)
				continue
			}
			code, rows := "", ""
			if x := p.Counterexample; x != nil && x.Kind == "fails" {
				code, rows = x.Code, x.Rows
				if x.Unlikely != "" {
					code = "unlikely " + code
				}
			}
			if code != k.code {
				t.Errorf("%s: %s: %s %q (%s), want %q\n%s", major, k.name, p.Outcome, code, p.Why, k.code, rows)
			}
			if strings.Count(rows, "\n") > 7 {
				t.Errorf("%s: %s: these are many rows:\n%s", major, k.name, rows)
			}
			if testing.Verbose() {
				t.Logf("%s: %s\n%s", k.name, code, rows)
			}
		}
	}
}
