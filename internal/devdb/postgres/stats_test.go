package postgres_test

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/assaydb/assay/internal/devdb/postgres"
	"github.com/assaydb/assay/internal/devdb/postgres/pgtest"
)

func TestStatistics(t *testing.T) {
	ctx := context.Background()
	for _, major := range pgtest.Majors(t) {
		t.Run(major, func(t *testing.T) {
			s := pgtest.Server(t, major)
			db, err := s.Create(ctx)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			c, err := db.ConnectAdmin(ctx)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close(ctx)
			name := "stats" + major
			_, err = c.Exec(ctx, fmt.Sprintf(`
				SET search_path = public; CREATE TABLE accounts (id serial PRIMARY KEY, branch int NOT NULL, note text, mail text);
				INSERT INTO accounts (branch, note, mail) SELECT i %% 10, CASE WHEN i %% 4 > 0 THEN 'tellmenothing' END, 'tellmenothing' || i FROM generate_series(1, 20000) i;
				ANALYZE accounts;
				CREATE TABLE rare (id int, one text, code text UNIQUE); INSERT INTO rare SELECT i, CASE WHEN i <> 500 THEN 'x' END, CASE WHEN i %% 10 > 0 THEN i END FROM generate_series(1, 30000) i;
				CREATE TABLE events (id int, kind int) PARTITION BY LIST (kind); CREATE TABLE events_1 PARTITION OF events FOR VALUES IN (1); CREATE TABLE events_2 PARTITION OF events FOR VALUES IN (2);
				INSERT INTO events SELECT i, 1 + i %% 2 FROM generate_series(1, 5000) i; ANALYZE rare, events;
				CREATE TABLE late (id int); ALTER TABLE late SET (autovacuum_enabled = off); INSERT INTO late VALUES (1); ANALYZE late; INSERT INTO late SELECT generate_series(1, 100000);
				CREATE TABLE fresh (id int); ALTER TABLE fresh SET (autovacuum_enabled = off); INSERT INTO fresh SELECT generate_series(1, 100000);
				CREATE SEQUENCE legacy; CREATE TABLE old (id int DEFAULT nextval('legacy')); SELECT setval('legacy', 2100000000);
				CREATE ROLE %[1]s_watcher LOGIN IN ROLE pg_monitor; CREATE ROLE %[1]s_nobody LOGIN; CREATE ROLE %[1]s_reader LOGIN IN ROLE pg_monitor;
				ALTER ROLE %[1]s_reader SET lock_timeout = '7s'; ALTER ROLE %[1]s_reader SET search_path = 'nowhere';
				GRANT SELECT ON ALL TABLES IN SCHEMA public TO %[1]s_reader; GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO %[1]s_reader`, name))
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				_, err := c.Exec(ctx, fmt.Sprintf("DROP OWNED BY %[1]s_reader; DROP ROLE %[1]s_watcher, %[1]s_nobody, %[1]s_reader", name))
				if err != nil {
					t.Error(err)
				}
			}()
			as := func(role string) string {
				conf := c.Config()
				u := url.URL{
					Scheme: "postgres", User: url.User(name + "_" + role), Path: "/" + conf.Database,
					RawQuery: url.Values{"host": {conf.Host}, "port": {fmt.Sprint(conf.Port)}, "sslmode": {"disable"}}.Encode(),
				}
				return u.String()
			}
			day := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

			if _, err := postgres.Statistics(ctx, as("nobody"), day); err == nil || !strings.Contains(err.Error(), "GRANT pg_monitor TO") {
				t.Errorf("without pg_monitor: %v", err)
			}

			got, err := postgres.Statistics(ctx, as("watcher"), day)
			if err != nil {
				t.Fatal(err)
			}
			table := got.Table("public", "accounts")
			if table == nil || table.Rows != 20000 || table.Bytes == 0 || len(table.Indexes) != 1 {
				t.Fatalf("got %+v", table)
			}
			if len(table.Columns) != 0 || len(got.Missing) != 2 || len(got.Sequences) != 0 {
				t.Errorf("pg_monitor alone may read neither pg_stats nor sequences: %+v %v", table.Columns, got.Missing)
			}
			if got.Server.Settings["statement_timeout"] != "0ms" {
				t.Errorf("settings %v", got.Server.Settings)
			}

			if got, err = postgres.Statistics(ctx, as("reader"), day); err != nil {
				t.Fatal(err)
			}
			table = got.Table("public", "accounts")
			if n := table.Column("note").Nulls; n < 0.2 || n > 0.3 {
				t.Errorf("null fraction %v", n)
			}
			if !table.Column("id").Unique || table.Column("branch").Unique {
				t.Errorf("id looks unique, branch does not: %+v", table.Columns)
			}
			if len(got.Sequences) != 2 || got.Taken != "2026-01-31" || got.CountersSince == "" || got.Server.Replica || len(got.Missing) != 1 || !strings.Contains(got.Missing[0], "lock_timeout") {
				t.Errorf("got %+v", got)
			}
			if _, ok := got.Server.Settings["lock_timeout"]; ok {
				t.Errorf("lock_timeout is the role's own: %v", got.Server.Settings)
			}
			if q := got.Sequences[1]; q.Name != "legacy" || q.Type != "integer" || q.Used < 0.97 {
				t.Errorf("a column of integer ends before its sequence: %+v", q)
			}
			rare := got.Table("public", "rare")
			if rare.Column("one").Nulls <= 0 || !rare.Column("code").Unique || rare.Parts != nil {
				t.Errorf("got %+v %+v", rare.Column("one"), rare.Column("code"))
			}
			events := got.Table("public", "events")
			if events.Parts == nil || events.Parts.Tables != 2 || events.Parts.Rows != 5000 || events.Parts.Bytes == 0 || len(events.Columns) != 2 {
				t.Errorf("got %+v %+v", events, events.Parts)
			}
			for _, name := range []string{"late", "fresh"} {
				if rows, _ := got.Table("public", name).Estimate(); rows < 50_000 || rows > 200_000 {
					t.Errorf("%s: %d rows, 100,000 are there", name, rows)
				}
			}
			var file bytes.Buffer
			if err := got.Encode(&file); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(file.String(), "tellmenothing") {
				t.Error("the file holds a value of the table")
			}

			locker, err := db.ConnectAdmin(ctx)
			if err != nil {
				t.Fatal(err)
			}
			defer locker.Close(ctx)
			if _, err := locker.Exec(ctx, "BEGIN; LOCK TABLE public.accounts; ALTER SEQUENCE public.legacy INCREMENT 2"); err != nil {
				t.Fatal(err)
			}
			if got, err = postgres.Statistics(ctx, as("reader"), day); err != nil {
				t.Fatal(err)
			}
			if a := got.Table("public", "accounts"); a.Rows != 20000 || a.Bytes == 0 || !strings.Contains(strings.Join(got.Missing, "; "), "the size of public.accounts, which somebody had locked") {
				t.Errorf("got %+v %v", a, got.Missing)
			}
		})
	}
}
