package migration

import (
	"os"
	"testing"
)

func TestCorpora(t *testing.T) {
	root := os.Getenv("ASSAY_CORPORA")
	if root == "" {
		t.Skip("ASSAY_CORPORA does not name a directory of real migration histories")
	}
	for _, test := range []struct {
		name   string
		format Format
		count  int
	}{
		{"minder", GolangMigrate, 107},
		{"frontier", GolangMigrate, 40},
		{"openfga", Goose, 6},
		{"goalert", SQLMigrate, 280},
		{"marquez", Flyway, 84},
		{"darts", Flyway, 406},
		{"documenso", Prisma, 163},
		{"svix", Sqlx, 16},
		{"dittofeed", Drizzle, 11},
		{"cas-cif", Sqitch, 334},
		{"basejump", Supabase, 4},
	} {
		t.Run(test.name, func(t *testing.T) {
			fsys := os.DirFS(root + "/" + test.name)
			found, err := Detect(fsys, ".")
			if err != nil {
				t.Fatal(err)
			}
			d, err := Load(fsys, found[0].Path, Options{Format: found[0].Format})
			if err != nil {
				t.Fatal(err)
			}
			if d.Format != test.format || len(d.Migrations) != test.count {
				t.Errorf("%s: %d migrations in %s, want %d in %s", found[0].Path, len(d.Migrations), d.Format, test.count, test.format)
			}
			statements, modes := 0, map[TxMode]int{}
			for _, m := range d.Migrations {
				statements += len(m.Statements)
				modes[m.TxMode]++
			}
			t.Logf("%s: %d statements, %v, notices %v", found[0].Path, statements, modes, d.Notices)
		})
	}
}
