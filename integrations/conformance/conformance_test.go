package conformance

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/assaydb/assay/internal/devdb/postgres"
	"github.com/assaydb/assay/internal/devdb/postgres/pgtest"
)

var (
	seeds = flag.Uint64("mixtures", 200, "how many generated directories to run for each tool")
	seed  = flag.Uint64("from", 1, "the first seed")
	page  = flag.Bool("page", false, "write docs/formats.md")
)

// tools are those that can be run here.
var tools = []*Tool{golangMigrateTool, gooseTool, sqlMigrateTool, dbmateTool, graphileTool, nodePgMigrateTool, drizzleTool}

func TestConformance(t *testing.T) {
	ctx := context.Background()
	var rows []Row
	for _, major := range pgtest.Majors(t) {
		s := pgtest.Server(t, major)
		empty, err := s.Create(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, tool := range tools {
			t.Run(major+"/"+tool.Name, func(t *testing.T) {
				row := Row{Tool: tool, Major: s.Version().Text, Known: map[string]int{}}
				for n := *seed; n < *seed+*seeds; n++ {
					t.Run(fmt.Sprint(n), func(t *testing.T) { mixture(ctx, t, s, empty, &row, n) })
				}
				rows = append(rows, row)
			})
		}
	}
	if *page {
		if err := os.WriteFile("../../docs/formats.md", []byte(Page(rows)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func mixture(ctx context.Context, t *testing.T, s *postgres.Server, empty *postgres.DB, row *Row, n uint64) {
	root := t.TempDir()
	files := row.Tool.Dialect.Lay(Mixture(n))
	if err := write(root+"/migrations", files); err != nil {
		t.Fatal(err)
	}
	differences, said, err := Compare(ctx, s, empty, row.Tool, root, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	row.Directories++
	if len(differences) == 0 {
		row.Equal++
		return
	}
	for _, k := range row.Tool.Known {
		if slices.ContainsFunc(sorted(files), func(name string) bool { return k.Files.MatchString(files[name]) }) {
			row.Known[k.Reason]++
			return
		}
	}
	for _, d := range differences {
		t.Error(d)
	}
	t.Logf("the tool says: %s", said)
	for _, name := range sorted(files) {
		t.Logf("%s:\n%s", name, files[name])
	}
}
