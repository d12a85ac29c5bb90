package planned

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb/postgres"
	"github.com/assaydb/assay/internal/devdb/postgres/state"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/plan"
	"github.com/assaydb/assay/internal/schema"
)

// Side is one of the two schemas, in a database of the dev server.
type Side struct {
	Name    string // for people: "the migrations", "schema/"
	DB      *postgres.DB
	State   *plan.State
	Hints   []plan.Hint
	New     []plan.Key // that no other object was before, as the files say
	Notices []string
}

// Read reads the state of a database of the dev server.
func Read(ctx context.Context, d *postgres.DB) (_ *plan.State, err error) {
	c, err := d.ConnectOwner(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Close(context.WithoutCancel(ctx))) }()
	s, err := state.Read(ctx, c)
	if err == nil {
		clean(s)
	}
	return s, err
}

// clean takes out what the recorder has in a database.
func clean(s *plan.State) {
	for k := range s.Objects {
		const own = "assay_recorder"
		if k.Class == plan.EventTrigger && strings.HasPrefix(k.Name, own) || k.Schema == own || k.Class == plan.Schema && k.Name == own {
			delete(s.Objects, k)
		}
	}
}

// Files is the side that the files of a schema make. The database is the caller's to close.
func Files(ctx context.Context, s *postgres.Server, name string, files []*migration.Migration) (*Side, error) {
	d, err := s.Create(ctx)
	if err != nil {
		return nil, err
	}
	side := &Side{Name: name, DB: d}
	loaded, err := d.Load(ctx, files)
	if err == nil {
		side.Notices = loaded.Notices
		err = side.Refresh(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	if err := side.hints(loaded.Hints); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return side, nil
}

// Refresh reads the state of the side's database again.
func (s *Side) Refresh(ctx context.Context) (err error) {
	if err := s.DB.Disconnect(ctx); err != nil {
		return err
	}
	s.State, err = Read(ctx, s.DB)
	return err
}

// Live is the side that a state read elsewhere makes: it is built on the dev
// server, and what does not come out as it was read is an error.
func Live(ctx context.Context, s *postgres.Server, name string, read *plan.State) (*Side, error) {
	d, err := s.Create(ctx)
	if err != nil {
		return nil, err
	}
	side := &Side{Name: name, DB: d}
	if err := side.build(ctx, s, read); err != nil {
		return nil, errors.Join(fmt.Errorf("building a copy of %s: %w", name, err), d.Close())
	}
	return side, nil
}

func (s *Side) build(ctx context.Context, server *postgres.Server, read *plan.State) error {
	b, err := Build(ctx, server, s.Name, read)
	if err != nil {
		return err
	}
	m, err := file(Text(Script(b.Plan)))
	if err != nil {
		return err
	}
	if _, err := s.DB.Load(ctx, []*migration.Migration{m}); err != nil {
		return err
	}
	if err := s.Refresh(ctx); err != nil {
		return err
	}
	got := clone(s.State)
	settle(got, b.role)
	if d := Differences(b.Read, got); len(d) > 0 {
		return fmt.Errorf("it does not come out as it was read:\n%s", strings.Join(d[:min(len(d), 20)], "\n"))
	}
	return nil
}

// clone copies a state so far that objects can be added, left out and changed.
func clone(s *plan.State) *plan.State {
	out := *s
	out.Objects = make(map[plan.Key]*plan.Object, len(s.Objects))
	for k, o := range s.Objects {
		c := *o
		c.ACL = slices.Clone(o.ACL)
		out.Objects[k] = &c
	}
	return &out
}

// settle makes schema public, which each database has from its template, look
// alike wherever it was read: its owner is whoever the server was set up by.
func settle(s *plan.State, role string) {
	o := s.Objects[plan.Key{Class: plan.Schema, Name: "public"}]
	if o == nil {
		return
	}
	was := o.Owner
	if was != "pg_database_owner" && was != "postgres" && was != s.Role {
		return
	}
	o.Owner = role
	for i, g := range o.ACL {
		if g.Grantor == was {
			o.ACL[i].Grantor = role
		}
		if g.Grantee == was {
			o.ACL[i].Grantee = role
		}
	}
	if o.Comment == "standard public schema" {
		o.Comment = ""
	}
}

// Adopt has the dev server's role own what roles own that no object of the
// wanted side belongs to: who owns what nobody names is not the schema's to say.
func (s *Side) Adopt(ctx context.Context, want *Side) error {
	owners := func(s *plan.State) map[string]bool {
		out := map[string]bool{}
		for _, o := range s.Objects {
			if o.Owner != "" {
				out[o.Owner] = true
			}
		}
		return out
	}
	named := owners(want.State)
	var roles []string
	for r := range owners(s.State) {
		if r != s.State.Role && !named[r] && !strings.HasPrefix(r, "pg_") {
			roles = append(roles, r)
		}
	}
	if len(roles) == 0 {
		return nil
	}
	slices.Sort(roles)
	if err := s.DB.Adopt(ctx, roles); err != nil {
		return err
	}
	return s.Refresh(ctx)
}

// classes are the classes that a kind of statement may make.
var classes = map[string][]plan.Class{
	"table": {plan.Table}, "foreign table": {plan.ForeignTable}, "view": {plan.View}, "materialized view": {plan.MaterializedView}, "schema": {plan.Schema},
	"type": {plan.Enum, plan.Composite, plan.Range}, "domain": {plan.Domain}, "sequence": {plan.Sequence}, "function": {plan.Function}, "procedure": {plan.Procedure},
	"aggregate": {plan.Aggregate}, "index": {plan.Index}, "trigger": {plan.Trigger}, "policy": {plan.Policy}, "extension": {plan.Extension}, "collation": {plan.Collation},
	"event trigger": {plan.EventTrigger}, "publication": {plan.Publication}, "server": {plan.Server}, "foreign data wrapper": {plan.Wrapper}, "rule": {plan.Rule},
	"statistics": {plan.Statistics}, "constraint trigger": {plan.Trigger},
}

// BadHint is a hint at a statement of which nothing can have had another name.
type BadHint struct{ Place, Kind string }

func (e BadHint) Error() string {
	return e.Place + ": a name before says nothing at this statement: write the comment at the CREATE statement of what was renamed, or on the line of a column"
}

// hints finds what the comments of the files are about.
func (s *Side) hints(all []postgres.Hint) error {
	for _, h := range all {
		place := fmt.Sprintf("%s:%d", h.Pos.Path, h.Pos.Line)
		x := plan.Hint{Was: h.Old, Place: place}
		found := false
		for _, k := range s.State.Keys() {
			if h.Kind == "column" {
				found = k.Class == plan.Column && k.Schema == h.Schema && k.Of == h.Name && k.Name == h.Column
			} else {
				kind := h.Kind
				if kind == "label" {
					kind, x.Label = "type", h.Column
				}
				name, _, _ := strings.Cut(k.Name, "(")
				if k.Class != plan.Function && k.Class != plan.Procedure && k.Class != plan.Aggregate {
					name = k.Name
				}
				found = slices.Contains(classes[kind], k.Class) && name == h.Name && (k.Schema == h.Schema || k.Schema == "")
			}
			if found {
				x.Object = k
				break
			}
		}
		if !found {
			return BadHint{place, h.Kind}
		}
		if h.New {
			s.New = append(s.New, x.Object)
		} else {
			s.Hints = append(s.Hints, x)
		}
	}
	return nil
}

// Catalog reads the side's catalog with the reader that the checks use, which
// shares no code with the planner's.
func (s *Side) Catalog(ctx context.Context) (*schema.Catalog, error) { return s.DB.Catalog(ctx) }
