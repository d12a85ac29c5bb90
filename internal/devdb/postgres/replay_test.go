package postgres

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/assaydb/assay/internal/migration"
)

// TestAlike replays rows by the hundred, which are sent in one go: the one that
// is refused is named, and the transaction is rolled back.
func TestAlike(t *testing.T) {
	ctx := context.Background()
	s := testServer(t, "")
	d := testDatabase(t, s)
	var b strings.Builder
	b.WriteString("CREATE TABLE item (id int PRIMARY KEY, name text)")
	for i := range 1000 {
		fmt.Fprintf(&b, "; INSERT INTO item VALUES (%d, 'x')", i)
	}
	for _, mode := range []migration.TxMode{migration.TxFile, migration.TxImplicit} {
		bad := file(mode, b.String()+"; INSERT INTO item VALUES (1000, 'y'); INSERT INTO item VALUES (777, 'again'); INSERT INTO item VALUES (1001, 'z')")
		e, ok := asStatementError(d.Replay(ctx, bad))
		if !ok || e.Code != "23505" || !strings.Contains(e.Statement.Text, "again") {
			t.Errorf("%s: a row that is there twice gives %v", mode, e)
		}
	}
	must(t, d.Replay(ctx, file(migration.TxFile, b.String())))
	c, err := d.ConnectOwner(ctx)
	must(t, err)
	defer c.Close(ctx)
	n := 0
	must(t, c.QueryRow(ctx, "SELECT count(*) FROM item").Scan(&n))
	if n != 1000 {
		t.Errorf("%d rows", n)
	}
}
