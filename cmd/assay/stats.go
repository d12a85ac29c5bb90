package main

import (
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/assaydb/assay/analyzers"
	"github.com/assaydb/assay/internal/config"
	"github.com/assaydb/assay/internal/devdb/postgres"
	"github.com/assaydb/assay/internal/lint"
	files "github.com/assaydb/assay/internal/project"
	"github.com/assaydb/assay/internal/schema"
	"github.com/assaydb/assay/internal/stats"
)

func (a *app) statsCommand() *cobra.Command {
	var url, dump, output string
	cmd := &cobra.Command{
		Use:   "stats",
		Short: "Write production's statistics: sizes, NULLs, rates, never a value",
		Long: `Read from production what decides how long a migration takes there: rows, bytes, null
fractions, distinct counts, write and scan rates. No value of any table is read, nothing
is written, one snapshot is used; a role with pg_monitor is enough (with pg_read_all_data
column statistics as well). Commit the file: lint weighs findings by it.

The URL may come from ASSAY_STATS_URL, so that its password is in no command line.`,
		Example: "  assay stats --url postgres://monitor@db/app > assay.stats.json\n  assay stats --from-dump statistics.sql -o assay.stats.json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if url == "" && dump == "" {
				url = a.getenv("ASSAY_STATS_URL")
			}
			if (url == "") == (dump == "") {
				return usagef("give the server with --url or ASSAY_STATS_URL, or a dump with --from-dump")
			}
			var s *stats.Stats
			var err error
			if dump != "" {
				s, err = a.statsFromDump(dump)
			} else {
				s, err = postgres.Statistics(cmd.Context(), url, time.Now())
			}
			if err != nil {
				return err
			}
			for _, m := range s.Missing {
				a.say("assay: not read: %s", m)
			}
			return a.writeFile(output, s.Encode)
		},
	}
	cmd.Flags().StringVar(&url, "url", "", "production or a replica of it, as a connection `URL`")
	cmd.Flags().StringVar(&dump, "from-dump", "", "`file` of pg_dump --statistics-only (PostgreSQL 18)")
	cmd.Flags().StringVarP(&output, "output", "o", "", "`file` to write (default: standard output)")
	return cmd
}

func (a *app) statsFromDump(name string) (*stats.Stats, error) {
	file := a.fileNamed(name)
	info, err := os.Stat(file)
	if err != nil {
		return nil, usagef("--from-dump: %w", err)
	}
	text, err := files.ReadNamed(file)
	if err != nil {
		return nil, usagef("--from-dump: %w", err)
	}
	s, err := stats.FromDump(name, string(text), info.ModTime().UTC().Format(time.DateOnly))
	if err != nil {
		return nil, usageError{err}
	}
	return s, nil
}

// loadStats reads the statistics that the configuration names, and says when they are old.
func (p *project) loadStats(now time.Time) error {
	file := p.config.StatsFile(p.data)
	if file == "" {
		return nil
	}
	data, err := fs.ReadFile(p.data, filepath.ToSlash(filepath.Clean(file)))
	if err != nil {
		return usagef("%s: reading the statistics: %w", p.config.At("stats"), err)
	}
	if p.stats, err = stats.Decode(file, data); err != nil {
		return usageError{err}
	}
	age, err := p.stats.Age(now)
	if err != nil {
		return usageError{err}
	}
	limit := p.config.StatsMaxAge.Or(30 * 24 * time.Hour)
	if time.Duration(age)*24*time.Hour > limit {
		p.notices = append(p.notices, lint.Notice{Path: file, Text: fmt.Sprintf("the statistics are of %s, more than %d days old: write them again with `assay stats`", p.stats.Taken, int(limit.Hours()/24))})
	}
	return nil
}

// nearlyUsedUp is the share of a sequence's range from which it is said.
const nearlyUsedUp = 0.75

// usedUp says which sequences of the project's tables come to their end.
func (p *project) usedUp(c *schema.Catalog) {
	if p.stats == nil {
		return
	}
	for _, s := range p.stats.Sequences {
		r := c.RelationNamed(s.Schema, s.Name)
		if s.Used < nearlyUsedUp || r == nil {
			continue
		}
		of := ""
		if t := c.Relations[r.OwnedBy.OID]; t != nil && t.Column(r.OwnedBy.Sub) != nil {
			of = fmt.Sprintf(" of %s.%s", t.QualifiedName(), t.Column(r.OwnedBy.Sub).Name)
		}
		p.notices = append(p.notices, lint.Notice{
			Path: p.config.StatsFile(p.data),
			Text: fmt.Sprintf("sequence %s.%s%s (%s) had used %.0f %% of its numbers as of %s: when they are all used, every INSERT fails", s.Schema, s.Name, of, s.Type, math.Floor(s.Used*100), p.stats.Taken),
		})
	}
}

// unknownTables says so if the statistics know none of the tables that are there.
func (p *project) unknownTables(c *schema.Catalog) {
	if p.stats == nil {
		return
	}
	tables := 0
	for _, r := range c.Relations {
		if !r.IsTable() {
			continue
		}
		if tables++; p.stats.Table(r.Schema, r.Name) != nil {
			return
		}
	}
	if tables > 0 {
		p.notices = append(p.notices, lint.Notice{Path: p.config.StatsFile(p.data), Text: "the statistics know none of this project's tables: are they of another database?"})
	}
}

func sizes(c *config.Config) analyzers.Sizes {
	return analyzers.Sizes{Small: c.SmallTable.Or(10_000), Large: c.LargeTable.Or(1_000_000)}
}
