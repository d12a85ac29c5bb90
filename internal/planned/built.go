package planned

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/assaydb/assay/internal/devdb/postgres"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/plan"
)

// Built is a state that was read elsewhere, with the statements that make it.
type Built struct {
	Plan   *plan.Plan
	Read   *plan.State
	server *postgres.Server
	role   string
	name   string
}

// Build plans the statements that make a state from nothing.
func Build(ctx context.Context, s *postgres.Server, name string, read *plan.State) (_ *Built, err error) {
	d, err := s.Create(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	empty, err := Read(ctx, d)
	if err != nil {
		return nil, err
	}
	b := &Built{Read: clone(read), server: s, role: empty.Role, name: name}
	settle(b.Read, b.role)
	settle(empty, b.role)
	if _, there := b.Read.Objects[plan.Key{Class: plan.Schema, Name: "public"}]; !there {
		delete(empty.Objects, plan.Key{Class: plan.Schema, Name: "public"})
	}
	for k, o := range empty.Objects { // what a database has from its template
		if b.Read.Objects[k] == nil && k.Class == plan.Extension {
			b.Read.Objects[k] = o
		}
	}
	b.Plan, err = plan.New(ctx, empty, b.Read, nil, plan.Options{RenamesOff: true})
	return b, err
}

// Parts are the statements as migration files hold them, without a down part.
func (b *Built) Parts() []Part {
	var out []Part
	for lines := Script(b.Plan); len(lines) > 0; {
		n := 1
		for n < len(lines) && lines[n].Group == lines[0].Group {
			n++
		}
		out, lines = append(out, Part{Up: statements(lines[:n]), Outside: lines[0].Of != nil}), lines[n:]
	}
	return out
}

// Same loads files and compares what they make with what was read.
func (b *Built) Same(ctx context.Context, name string, files []*migration.Migration) error {
	side, err := Files(ctx, b.server, name, files)
	if err != nil {
		return fmt.Errorf("loading what was read of %s: %w", b.name, err)
	}
	defer func() { err = errors.Join(err, side.DB.Close()) }()
	got := clone(side.State)
	settle(got, b.role)
	want := clone(b.Read)
	for k := range got.Objects {
		if want.Objects[k] == nil && k == (plan.Key{Class: plan.Schema, Name: "public"}) {
			delete(got.Objects, k)
		}
	}
	if d := Differences(want, got); len(d) > 0 {
		return fmt.Errorf("what was read of %s does not load to the same, so nothing was written:\n%s", b.name, strings.Join(d[:min(len(d), 20)], "\n"))
	}
	return nil
}
