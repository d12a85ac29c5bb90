package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/assaydb/assay/analyzers"
	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/devdb/postgres"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/stats"
)

func (a *app) measureCommand() *cobra.Command {
	o := &lintOptions{noFixes: true, noProofs: true}
	cmd := &cobra.Command{
		Use:   "measure [file...]",
		Short: "Estimate how long each lock would be held in production",
		Long: `Run the new statements that scan, rewrite or index a table on generated rows, 100,000 to
1,000,000 of them, several times each, and read off how long they would take at
production's size. It needs the statistics that assay stats writes. What it says was
measured on this machine.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.check(args); err != nil {
				return err
			}
			return a.measure(cmd.Context(), o)
		},
	}
	o.flags(cmd.Flags())
	return cmd
}

func (a *app) measure(ctx context.Context, o *lintOptions) (err error) {
	p, err := a.openProject(ctx, o)
	if err != nil {
		return err
	}
	if p.stats == nil {
		return usagef("assay measure needs production's statistics: write them with `assay stats --url … > assay.stats.json`")
	}
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	s, err := a.openSession(ctx, p, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	rec, err := s.record(ctx, p.dir, p.new, false)
	if err != nil {
		return err
	}
	said := 0
	err = s.measureAll(ctx, rec, func(m *devdb.Recorded, step *devdb.Step, t *devdb.Measurement) {
		said++
		pos := step.Stmt.Pos
		fmt.Fprintf(a.text(), "%s:%d: %s\n", pos.Path, pos.Line, measuredText(step, t))
		for _, l := range t.Left {
			fmt.Fprintf(a.text(), "    left out to fill the table: %s\n", l)
		}
	})
	switch {
	case err == nil && said == 0:
		fmt.Fprintln(a.text(), "no new statement works through rows that were there before")
	case err == nil:
		fmt.Fprintln(a.text(), "Times are those of an idle machine like this one: a busy server takes several times as long.")
	}
	return err
}

// measureAll measures every new statement whose time grows with a table.
func (s *session) measureAll(ctx context.Context, rec *devdb.Record, say func(*devdb.Recorded, *devdb.Step, *devdb.Measurement)) error {
	var before []*migration.Migration
	for _, m := range rec.New {
		for _, step := range m.Steps {
			if step.Err != nil {
				say(m, step, &devdb.Measurement{Why: "it fails: " + step.Err.Error()})
				continue
			}
			if !worksUnderLock(step) && !writes(step) {
				continue
			}
			t, err := s.server.Measure(ctx, s.base, before, m, step, s.project.stats, postgres.MeasureSizes)
			if err != nil {
				return fmt.Errorf("measuring %s:%d: %w", step.Stmt.Pos.Path, step.Stmt.Pos.Line, err)
			}
			if t != nil {
				step.Measured = t
				say(m, step, t)
			}
		}
		before = append(before, m.Migration)
	}
	return nil
}

// worksUnderLock leaves out what nobody waits for.
func worksUnderLock(step *devdb.Step) bool {
	for _, l := range step.Locks {
		if l.Mode.Strength() >= devdb.ShareUpdateExclusive.Strength() && step.Before.Relations[l.Relation] != nil {
			return true
		}
	}
	return false
}

// writes reports whether the step keeps rows locked that were there before.
func writes(step *devdb.Step) bool {
	return slices.Contains([]string{"UPDATE", "DELETE", "MERGE"}, step.Tag)
}

func measuredText(step *devdb.Step, t *devdb.Measurement) string {
	if t.Why != "" {
		return fmt.Sprintf("%s: not measured: %s", step.Tag, t.Why)
	}
	mode, object := devdb.LockMode(""), t.Object
	for _, l := range step.Locks {
		if step.Before.Relations[l.Relation] != nil && (l.Mode.Strength() > mode.Strength() || l.Mode == mode && l.Object == t.Object) {
			mode, object = l.Mode, l.Object
		}
	}
	rows := stats.Rows(t.Rows)
	if object != t.Object {
		rows += " of " + t.Object
	}
	text := fmt.Sprintf("%s on %s for %s", mode, object, t.Say(rows))
	if writes(step) {
		text = fmt.Sprintf("%s keeps its rows of %s locked for %s", step.Tag, t.Object, t.Say(rows))
	}
	if t.WAL >= 1<<20 {
		text += "; writes about " + stats.Bytes(t.WAL) + " of WAL"
	}
	if t.Disk >= 1<<20 {
		text += "; needs about " + stats.Bytes(t.Disk) + " more disk until it commits"
	}
	return text
}

// measured adds what was measured to the findings of the statement.
func measured(rec *devdb.Record, res *lint.Result) {
	locks := map[string]bool{}
	for _, r := range analyzers.Rules() {
		locks[r.ID] = r.Weight == lint.ByLock || r.Weight == lint.ByWait
	}
	for _, f := range res.Findings {
		if f.Migration < 0 || f.Statement < 0 || !locks[f.ID] || f.Sensitive {
			continue
		}
		m := rec.New[f.Migration]
		if f.Statement < len(m.Steps) && m.Steps[f.Statement].Measured != nil {
			step := m.Steps[f.Statement]
			f.Evidence = append(f.Evidence, lint.Evidence{Kind: "measured", Text: measuredText(step, step.Measured), Object: step.Measured.Object})
		}
	}
}
