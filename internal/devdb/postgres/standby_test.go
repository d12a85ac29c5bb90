package postgres

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestStatisticsStandby reads statistics from a hot standby: sizes are there,
// and it is said that the counters are the standby's own.
func TestStatisticsStandby(t *testing.T) {
	ctx := context.Background()
	s, err := Open(ctx, Config{})
	if err != nil {
		t.Skipf("no PostgreSQL to test on: %v", err)
	}
	defer s.Close()
	db, err := s.Create(ctx)
	if err != nil {
		t.Fatal(err)
	}
	c, err := db.ConnectAdmin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Exec(ctx, "SET search_path = public; CREATE TABLE t AS SELECT i AS id FROM generate_series(1, 5000) i; ANALYZE t; CREATE ROLE standby_watcher LOGIN IN ROLE pg_monitor")
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close(ctx)
	if err := s.own.stop(true); err != nil {
		t.Fatal(err)
	}
	signal := filepath.Join(s.own.data, "standby.signal")
	if err := os.WriteFile(signal, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.own.acct.own(signal); err != nil {
		t.Fatal(err)
	}
	if err := s.own.start(ctx); err != nil {
		t.Fatal(err)
	}
	url := fmt.Sprintf("postgres://standby_watcher@/%s?host=%s&port=%d&sslmode=disable", db.name, s.own.host, s.own.port)
	got, err := Statistics(ctx, url, time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	table := got.Table("public", "t")
	if table == nil || table.Rows != 5000 || table.Bytes == 0 {
		t.Errorf("got %+v", table)
	}
	if !got.Server.Replica || got.Counted() != 0 || !strings.Contains(strings.Join(got.Missing, "\n"), "a replica counts its own alone") {
		t.Errorf("it is not said that the server is a replica: %+v", got)
	}
}
