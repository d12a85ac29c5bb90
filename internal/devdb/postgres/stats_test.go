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
				CREATE ROLE %[1]s_watcher LOGIN IN ROLE pg_monitor; CREATE ROLE %[1]s_nobody LOGIN; CREATE ROLE %[1]s_reader LOGIN IN ROLE pg_monitor;
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
			if len(got.Sequences) != 1 || got.Taken != "2026-01-31" || got.CountersSince == "" || got.Server.Replica || len(got.Missing) != 0 {
				t.Errorf("got %+v", got)
			}
			var file bytes.Buffer
			if err := got.Encode(&file); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(file.String(), "tellmenothing") {
				t.Error("the file holds a value of the table")
			}
		})
	}
}
