package proof

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/schema"
)

// Views and functions: what is read or called, over rows of the tables below.

// view uses a view or a materialized view.
func (u *user) view(ctx context.Context) error {
	if _, _, err := u.gather(ctx, u.below(u.rel.OID)); err != nil && !anyOf(err) {
		return err
	}
	if u.rel.Kind == schema.MaterializedView {
		sql := "REFRESH MATERIALIZED VIEW " + fullName(u.rel)
		u.uses++
		did, err := u.do(ctx, sql, "", false)
		if err != nil {
			return err
		}
		u.note("REFRESH", "", sql, resultOf(did))
		return nil
	}
	sql := "SELECT * FROM " + fullName(u.rel) + mostFetched
	for _, role := range append([]string{""}, u.s.roles...) {
		if !u.may(role, "SELECT") {
			continue
		}
		u.uses++
		did, err := u.stage.Do(ctx, Act{Role: role, Path: u.in, SQL: sql})
		if err != nil {
			return err
		}
		u.note("SELECT", role, sql, resultOf(did))
	}
	return nil
}

// anyOf reports whether an error is about the rows alone: what reads them can
// be used without.
func anyOf(err error) bool {
	var none *errNone
	var refused *Refusal
	return errors.As(err, &none) || errors.As(err, &refused) || errors.Is(err, errImplied)
}

// below are the tables that a view reads, directly or through other views.
func (u *user) below(view schema.OID) []*schema.Relation {
	var out []*schema.Relation
	seen := map[schema.OID]bool{view: true}
	level := []schema.OID{view}
	for len(level) > 0 && len(out) < mostRead {
		var next []schema.OID
		for d := range u.base.cat.Depends.All() {
			r := u.base.cat.Relations[d.On.OID]
			if d.Object.Class != schema.ClassRelation || d.On.Class != schema.ClassRelation || r == nil || seen[r.OID] || !slices.Contains(level, d.Object.OID) {
				continue
			}
			seen[r.OID] = true
			switch r.Kind {
			case schema.Table, schema.PartitionedTable:
				out = append(out, r)
			case schema.View, schema.MaterializedView:
				next = append(next, r.OID)
			}
		}
		level = next
	}
	slices.SortFunc(out, func(a, b *schema.Relation) int { return strings.Compare(fullName(a), fullName(b)) })
	return out[:min(len(out), mostRead)]
}

// function calls a function or procedure.
func (u *user) function(ctx context.Context, f *schema.Function) error {
	for _, a := range f.ArgTypes {
		if strings.HasPrefix(a, "any") || a == "internal" || a == "cstring" || a == "record" || a == `"any"` || a == "trigger" {
			return &errNone{why: fmt.Sprintf("no value of type %s can be made", a)}
		}
	}
	words := wordSet(u.s.text)
	var tables []*schema.Relation
	for _, r := range schema.Sorted(u.base.cat.Relations) {
		if (r.Kind == schema.Table || r.Kind == schema.PartitionedTable) && r.PartitionOf == 0 && words[strings.ToLower(r.Name)] && len(tables) < mostRead {
			tables = append(tables, r)
		}
	}
	if len(tables) > 0 {
		if _, _, err := u.gather(ctx, tables); err != nil && !anyOf(err) {
			return err
		}
	}
	var worst devdb.UseResult
	var first, sql string
	passed := false
	for _, args := range u.arguments(f) {
		call := "SELECT "
		if f.Kind == "procedure" {
			call = "CALL "
		}
		call += ident(f.Schema) + "." + ident(f.Name) + "(" + strings.Join(args, ", ") + ")"
		u.uses++
		did, err := u.do(ctx, call, "", false)
		if err != nil {
			return err
		}
		if first == "" {
			first = call
		}
		got := resultOf(did)
		if !got.Tried { // it does not end
			u.note("CALL", "", call, got)
			return nil
		}
		passed = passed || got.Code == ""
		if worse(got, worst) {
			worst, sql = got, call
		}
	}
	if worst.Code == "" {
		worst.Tried, sql = true, first
	}
	worst.Some = passed && worst.Code != ""
	u.note("CALL", "", sql, worst)
	return nil
}

// arguments are sets of arguments for a function, the most ordinary first.
func (u *user) arguments(f *schema.Function) [][]string {
	n := len(f.ArgTypes)
	cells := make([][]string, n)
	longest := 1
	for i, a := range f.ArgTypes {
		x := u.base.types.parse(a)
		name := ""
		if i < len(f.ArgNames) {
			name = f.ArgNames[i]
		}
		if name == "" {
			name = "$" + strconv.Itoa(i+1)
		}
		if r := u.rowType(a); r != "" {
			cells[i] = []string{r}
			continue
		}
		for _, c := range u.base.types.candidates(x, nearby(u.s.text, name)) {
			if c.odd <= odd && len(cells[i]) < mostCalls-2 && (c.odd == plain || c.lit == "0" || c.lit == "-1" || c.lit == "''") {
				cells[i] = append(cells[i], strings.TrimSpace(c.lit)+"::"+a)
			}
		}
		longest = max(longest, len(cells[i]))
	}
	var out [][]string
	for k := range longest {
		args := make([]string, n)
		for i := range args {
			args[i] = "NULL::" + f.ArgTypes[i]
			if len(cells[i]) > 0 {
				args[i] = cells[i][k%len(cells[i])]
			}
		}
		out = append(out, args)
	}
	if n > 0 && !f.Strict {
		args := make([]string, n)
		for i := range args {
			args[i] = "NULL::" + f.ArgTypes[i]
		}
		out = append(out, args)
	}
	return out[:min(len(out), mostCalls)]
}

// rowType is a row of a table for an argument of that type, empty if it is none.
func (u *user) rowType(typ string) string {
	for _, r := range u.base.cat.Relations {
		if (fullName(r) == typ || tableName(r) == typ) && r.Kind != schema.Sequence {
			return "(SELECT assay_row FROM " + fullName(r) + " assay_row LIMIT 1)"
		}
	}
	return ""
}
