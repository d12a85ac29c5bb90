package state_test

import (
	"context"
	"os"
	"testing"

	"github.com/assaydb/assay/internal/devdb/postgres/pgtest"
	"github.com/assaydb/assay/internal/devdb/postgres/state"
)

func TestReadDump(t *testing.T) {
	if os.Getenv("STATE_SQL") == "" {
		t.Skip()
	}
	ctx := context.Background()
	s := pgtest.Server(t, os.Getenv("STATE_MAJOR"))
	d, err := s.Create(ctx)
	if err != nil {
		t.Fatal(err)
	}
	c, err := d.ConnectAdmin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	sql, _ := os.ReadFile(os.Getenv("STATE_SQL"))
	if _, err := c.PgConn().Exec(ctx, "SET search_path = public;"+string(sql)).ReadAll(); err != nil {
		t.Fatal(err)
	}
	st, err := state.Read(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range st.Keys() {
		o := st.Objects[k]
		t.Logf("%s\n  parts %q\n  facts %q\n  owner %s comment %q inherited %v acl %v\n  needs %v", k, o.Parts, o.Facts, o.Owner, o.Comment, o.Inherited, o.ACL, o.Needs)
	}
}
