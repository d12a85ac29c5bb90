package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/assaydb/assay/internal/planned"
	"github.com/assaydb/assay/internal/report"
)

func (a *app) driftCommand() *cobra.Command {
	o := &planOptions{}
	cmd := &cobra.Command{
		Use:   "drift",
		Short: "Compare a live database with the migrations or the wanted schema",
		Long: `Read the catalogs of a database, in a read-only transaction and nothing else of it, and
compare them with what the migrations make (or with a schema directory: --to). Each object
that differs is named, with the statements that put the database back and those that bring
the repository along.

The URL may come from ASSAY_DRIFT_URL, so that its password is in no command line.

Exit code: 0 no drift, 1 drift, 2 wrong input, 3 the run failed.`,
		Example: "  assay drift --url postgres://monitor@db/app\n  assay drift --url $URL --to schema",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.renames = "off"
			if err := o.check(); err != nil {
				return err
			}
			if err := oneOf("-o", o.output, "text", "json"); err != nil {
				return err
			}
			o.from = cmp.Or(o.from, a.getenv("ASSAY_DRIFT_URL"))
			if !isURL(o.from) {
				return usagef("give the database with --url or ASSAY_DRIFT_URL, such as postgres://user@host:5432/database")
			}
			return planExit(a.drift(cmd.Context(), o))
		},
	}
	o.flags(cmd.Flags())
	cmd.Flags().StringVar(&o.from, "url", "", "live database, as a connection `URL`")
	cmd.Flags().StringVar(&o.to, "to", "", "what it should be: migrations, or a `directory` or file of SQL (default: migrations where they are, else schema.dir of assay.yaml)")
	cmd.Flags().StringVarP(&o.output, "output", "o", "text", "`format`: text, json")
	return cmd
}

// driftDoc is what drift says.
type driftDoc struct {
	Database    string       `json:"database"`
	Expected    string       `json:"expected"`
	Differences []driftEntry `json:"differences"`
	PutBack     string       `json:"put_back,omitempty"`
	PutBackWhy  string       `json:"no_put_back,omitempty"`
	Follow      string       `json:"follow,omitempty"`
	FollowWhy   string       `json:"no_follow,omitempty"`
	Unread      []string     `json:"not_read,omitempty"`
}

type driftEntry struct {
	Object string   `json:"object"`
	Is     string   `json:"is"` // "missing", "extra" or "different" in the database
	What   []string `json:"what,omitempty"`
}

func (a *app) drift(ctx context.Context, o *planOptions) (err error) {
	ctx, cancel := limited(ctx, o.limit())
	defer cancel()
	if o.to == "" && a.hasMigrations(o) {
		o.to = fromMigrations
	}
	r, err := a.openPlan(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if err := r.have.Adopt(ctx, r.want); err != nil {
		return err
	}
	d := &driftDoc{Database: "the database", Expected: r.to, Unread: r.have.State.Unread, Differences: []driftEntry{}}
	for _, x := range planned.Objects(r.selection.Only(r.want.State), r.selection.Only(r.have.State)) {
		is := x.Op
		if is == "differs" {
			is = "different"
		}
		d.Differences = append(d.Differences, driftEntry{x.Key.String(), is, x.What})
	}
	if len(d.Differences) > 0 {
		d.PutBack, d.PutBackWhy, err = correction(ctx, r, r.have, r.want)
		if err != nil {
			return err
		}
		d.Follow, d.FollowWhy, err = correction(ctx, r, r.want, r.have)
		if err != nil {
			return err
		}
	}
	if err := d.write(a.stdout, o.output); err != nil {
		return err
	}
	if len(d.Differences) > 0 {
		return findingsError{exitFindings}
	}
	return nil
}

// hasMigrations reports whether the project has a migrations directory.
func (a *app) hasMigrations(o *planOptions) bool {
	probe := *o
	probe.from = "-"
	p, err := a.planProject(context.Background(), &probe)
	return err == nil && p.dir != nil
}

// correction is the SQL that leads from one side to the other, or why there is none.
func correction(ctx context.Context, r *planRun, from, to *planned.Side) (sql, why string, err error) {
	p, err := planned.Make(ctx, r.server, from, to, planned.Options{RenamesOff: true, Select: r.selection})
	if err != nil {
		if ctx.Err() != nil {
			return "", "", err
		}
		return "", err.Error(), nil
	}
	if err := p.Prove(ctx, false); err != nil {
		return "", "", err
	}
	for _, g := range p.Failed() {
		return "", "not proven: " + g.Name + ": " + g.Why, nil
	}
	return p.Text, "", nil
}

func (d *driftDoc) write(w io.Writer, format string) error {
	if format == "json" {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(d)
	}
	w = report.Harmless(w)
	var b strings.Builder
	if len(d.Differences) == 0 {
		fmt.Fprintf(&b, "no drift: %s is as %s has it\n", d.Database, d.Expected)
	} else {
		fmt.Fprintf(&b, "drift: %s differs from %s: %d objects\n", d.Database, d.Expected, len(d.Differences))
	}
	for _, x := range d.Differences {
		fmt.Fprintf(&b, "  %-9s %s", x.Is, x.Object)
		if len(x.What) > 0 {
			fmt.Fprintf(&b, ": %s", strings.Join(x.What, ", "))
		}
		b.WriteByte('\n')
	}
	section := func(title, sql, why string) {
		switch {
		case why != "":
			fmt.Fprintf(&b, "\n%s: there is no such plan: %s\n", title, why)
		case sql != "":
			fmt.Fprintf(&b, "\n%s:\n\n%s", title, sql)
		}
	}
	section("to put the database back", d.PutBack, d.PutBackWhy)
	section("to bring the repository along, as a migration", d.Follow, d.FollowWhy)
	for _, u := range d.Unread {
		fmt.Fprintf(&b, "not read: %s\n", u)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
