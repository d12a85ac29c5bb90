package proof

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/schema"
)

// bounds of the uses of one subject.
const (
	mostOwnRows   = 12 // of a table that is used
	mostOtherRows = 24 // of the tables that it refers to, or that a view or function reads
	mostCalls     = 8  // of a function
	mostRead      = 6  // tables that a view or function reads
)

// mostFetched bounds what is read of tables that merged migrations have filled.
const mostFetched = " LIMIT 1000"

// useKey names a use of a subject, the same before and after the change.
type useKey struct{ verb, role, omits string }

// used is a use with its result at one point of the change.
type used struct {
	useKey
	sql    string
	result devdb.UseResult
}

// user uses subjects at one point of the change.
type user struct {
	stage Stage
	base  *base
	path  string // search_path of the migrations
	uses  int

	// of the subject in hand
	s    *subject
	rel  *schema.Relation
	in   string // search_path
	rows []string
	out  []used
	from string // xid of the transaction
}

// use uses a subject. The text says why it could not be used at all.
func (u *user) use(ctx context.Context, s *subject) (out []used, rows, left string, err error) {
	u.s, u.rel, u.rows, u.out = s, nil, nil, nil
	switch s.ref.Class {
	case schema.ClassRelation:
		if u.rel = u.base.cat.Relations[s.ref.OID]; u.rel == nil {
			return nil, "", "", nil
		}
		u.in = u.pathFor(u.rel.Schema)
		if u.isTable() {
			err = u.table(ctx)
		} else {
			err = u.view(ctx)
		}
	default:
		f := u.base.cat.Functions[s.ref.OID]
		if f == nil {
			return nil, "", "", nil
		}
		u.in = u.pathFor(f.Schema)
		err = u.function(ctx, f)
	}
	if e := u.stage.Reset(ctx); e != nil {
		return nil, "", "", e
	}
	var none *errNone
	var refused *Refusal
	switch {
	case errors.As(err, &none):
		return u.out, "", none.why, nil
	case errors.As(err, &refused):
		return u.out, "", refused.Error(), nil
	case errors.Is(err, errImplied):
		return u.out, "", "no row can be in it", nil
	}
	return u.out, strings.Join(u.rows, "\n"), "", err
}

// pathFor is the search_path in which an object of a schema is used.
func (u *user) pathFor(name string) string {
	path := u.path
	if path == "" || path == `""` {
		path = "public"
	}
	if name != "public" {
		path = ident(name) + ", " + path
	}
	return path
}

// do runs an act of the owner's.
func (u *user) do(ctx context.Context, sql, look string, keep bool) (*Did, error) {
	return u.stage.Do(ctx, Act{Path: u.in, SQL: sql, Look: look, Keep: keep})
}

// note keeps what came of a use.
func (u *user) note(verb, role, sql string, r devdb.UseResult) {
	r.There = true
	u.out = append(u.out, used{useKey{verb: verb, role: role}, sql, r})
}

func resultOf(did *Did) devdb.UseResult {
	r := devdb.UseResult{Tried: true}
	if x := did.Refused; x != nil {
		r.Code, r.Message, r.Where = x.Code, x.Message, x.Where
		r.Tried = x.Code != "57014"
	}
	return r
}

// gather makes rows for some tables and puts those into the database that are
// taken; own rows, of the table that is used, are given back.
func (u *user) gather(ctx context.Context, tables []*schema.Relation) (own []*row, c *crowd, err error) {
	u.stage.Reset(ctx) //nolint:errcheck // an error comes again with the next call
	if c, err = gather(ctx, u.base, &reading{tables: tables, text: u.s.text}, u.base.cat, plain); err != nil {
		return nil, nil, err
	}
	if t := u.like(c); t != nil { // three that differ in their keys alone
		c.insert(clone(t.model), plain, t)
	}
	others := 0
	for _, r := range c.rows {
		if u.isTable() && r.rel == u.rel {
			if len(own) < mostOwnRows {
				own = append(own, r)
			}
			continue
		}
		if others++; others > mostOtherRows {
			continue
		}
		sql := insertOf(r)
		did, err := u.do(ctx, sql, "", true)
		if err != nil {
			return nil, nil, err
		}
		if did.Refused == nil {
			u.rows = append(u.rows, sql)
		}
	}
	return own, c, nil
}

func (u *user) isTable() bool {
	return u.rel != nil && (u.rel.Kind == schema.Table || u.rel.Kind == schema.PartitionedTable)
}

func (u *user) like(c *crowd) *template {
	if !u.isTable() {
		return nil
	}
	return c.like[u.rel.OID]
}

// table uses a table.
func (u *user) table(ctx context.Context) error {
	own, c, err := u.gather(ctx, []*schema.Relation{u.rel})
	if err != nil {
		return err
	}
	if len(own) == 0 {
		return &errNone{why: "no row was found that it takes"}
	}
	did, err := u.do(ctx, "SELECT 1", "SELECT pg_catalog.pg_current_xact_id()::pg_catalog.xid::text", true)
	if err != nil {
		return err
	}
	if did.Refused != nil {
		return did.Refused
	}
	u.from = *did.Rows[0][0]
	if err := u.defaults(ctx, own, c); err != nil || u.s.defaultsOnly {
		return err
	}
	if err := u.insert(ctx, own); err != nil {
		return err
	}
	n, _, err := u.state(ctx)
	if err != nil {
		return err
	}
	if n == 0 {
		if err := u.quietly(ctx, own); err != nil {
			return err
		}
	}
	for _, role := range u.roles() {
		if err := u.asRole(ctx, role, own, c); err != nil {
			return err
		}
	}
	return nil
}

// mine are the rows of the table that this transaction has put there or changed.
func (u *user) mine() string {
	return "assay_row.xmin::pg_catalog.text::pg_catalog.int8 >= " + u.from
}

// look counts these rows and says what is in them.
func (u *user) look() string {
	return "SELECT pg_catalog.count(*)::text, coalesce(pg_catalog.md5(pg_catalog.string_agg(pg_catalog.row_to_json(assay_row)::pg_catalog.text, ',' ORDER BY pg_catalog.row_to_json(assay_row)::pg_catalog.text)), '') FROM " +
		fullName(u.rel) + " assay_row WHERE " + u.mine()
}

func (u *user) state(ctx context.Context) (int, string, error) {
	rows, err := u.stage.Query(ctx, u.look())
	if err != nil {
		return 0, "", err
	}
	n, hash := rowState(rows)
	return n, hash, nil
}

func rowState(rows [][]*string) (int, string) {
	if len(rows) == 0 {
		return 0, ""
	}
	n, _ := strconv.Atoi(*rows[0][0])
	return n, *rows[0][1]
}

// insert puts the rows in one after the other, and notes how that goes.
func (u *user) insert(ctx context.Context, own []*row) error {
	var worst devdb.UseResult
	var sql, idle string
	stored, before := 0, 0
	for _, r := range own {
		one := insertOf(r)
		did, err := u.do(ctx, one, u.look(), true)
		if err != nil {
			return err
		}
		u.uses++
		if did.Refused != nil {
			if got := resultOf(did); worse(got, worst) {
				worst, sql = got, one
			}
			if worst.Code == "54001" {
				break // every row takes long
			}
			continue
		}
		if n, _ := rowState(did.Rows); n > before {
			before = n
			stored++
			u.rows = append(u.rows, one)
			continue
		}
		if idle == "" {
			idle = one
		}
	}
	switch {
	case worst.Code != "":
		worst.Some = stored > 0
		u.note("INSERT", "", sql, worst)
	case stored == 0 && idle != "":
		u.note("INSERT", "", idle, devdb.UseResult{Tried: true, Idle: len(u.rules()) == 0})
	case stored > 0:
		u.note("INSERT", "", insertOf(own[0]), devdb.UseResult{Tried: true})
	}
	return nil
}

func (u *user) rules() []*schema.Rule {
	var out []*schema.Rule
	for _, x := range u.base.cat.Rules {
		if x.Table == u.rel.OID {
			out = append(out, x)
		}
	}
	return out
}

// worse reports whether a failure says more than another: one of what runs more
// than one of the rows.
func worse(a, b devdb.UseResult) bool {
	return a.Code != "" && (b.Code == "" || devdb.OfRows(b.Code) && !devdb.OfRows(a.Code))
}

// quietly puts the rows in without triggers.
func (u *user) quietly(ctx context.Context, own []*row) error {
	alter := "ALTER TABLE " + fullName(u.rel)
	for _, r := range own {
		one := insertOf(r)
		did, err := u.do(ctx, alter+" DISABLE TRIGGER USER; "+one+"; "+alter+" ENABLE TRIGGER USER", "", true)
		if err != nil {
			return err
		}
		if did.Refused == nil {
			u.rows = append(u.rows, one)
		}
	}
	return nil
}

// roles are who uses the table: its owner, where row security is on a role that
// it holds for, and those of the application.
func (u *user) roles() []string {
	out := []string{""}
	if u.rel.RowSecurity {
		out = append(out, devdb.AnyRole)
	}
	for _, r := range u.s.roles {
		if slices.Contains(rolesOf(u.rel), r) {
			out = append(out, r)
		}
	}
	return out
}

// may reports whether a role has a privilege on all of the table.
func (u *user) may(role, verb string) bool {
	if role == "" || role == devdb.AnyRole {
		return true
	}
	return slices.ContainsFunc(u.rel.ACL, func(g schema.Grant) bool {
		return (g.Grantee == role || g.Grantee == "public") && g.Privilege == verb
	})
}

// asRole uses the existing rows as a role.
func (u *user) asRole(ctx context.Context, role string, own []*row, c *crowd) error {
	_, hash, err := u.state(ctx)
	if err != nil || hash == "" {
		return err
	}
	act := func(verb, sql string) (*Did, error) {
		u.uses++
		return u.stage.Do(ctx, Act{Role: role, Path: u.in, SQL: sql, Look: u.look()})
	}
	name := fullName(u.rel)
	if (role != "" || u.rel.RowSecurity) && u.may(role, "SELECT") {
		sql := "SELECT * FROM " + name + mostFetched
		did, err := act("SELECT", sql)
		if err != nil {
			return err
		}
		u.note("SELECT", role, sql, resultOf(did))
	}
	if role != "" && u.may(role, "INSERT") {
		if t := u.like(c); t != nil {
			r := clone(t.model)
			c.insert(r, plain, t)
			sql := insertOf(r)
			did, err := act("INSERT", sql)
			if err != nil {
				return err
			}
			u.note("INSERT", role, sql, resultOf(did))
		}
	}
	if u.may(role, "UPDATE") {
		for _, sql := range u.updates(c) {
			did, err := act("UPDATE", sql)
			if err != nil {
				return err
			}
			r := resultOf(did)
			if devdb.OfRows(r.Code) {
				continue // such values may not be there; the next one keeps those that are
			}
			if err := u.idle(ctx, role, sql, hash, did, &r); err != nil {
				return err
			}
			u.note("UPDATE", role, plainly(sql), r)
			break
		}
	}
	if u.may(role, "DELETE") {
		sql := "DELETE FROM " + name + " assay_row WHERE " + u.mine()
		did, err := act("DELETE", sql)
		if err != nil {
			return err
		}
		r := resultOf(did)
		if err := u.idle(ctx, role, sql, hash, did, &r); err != nil {
			return err
		}
		u.note("DELETE", role, plainly(sql), r)
	}
	return nil
}

// plainly is a statement as somebody writes it who has only these rows.
func plainly(sql string) string {
	sql, _, _ = strings.Cut(sql, " WHERE assay_row.")
	return strings.Replace(sql, " assay_row", "", 1)
}

// idle notes that a statement has done nothing which does something without
// triggers.
func (u *user) idle(ctx context.Context, role, sql, hash string, did *Did, r *devdb.UseResult) error {
	if role != "" || r.Code != "" || !r.Tried || len(u.rules()) > 0 {
		return nil
	}
	if _, now := rowState(did.Rows); now != hash {
		return nil
	}
	alter := "ALTER TABLE " + fullName(u.rel)
	quiet, err := u.do(ctx, alter+" DISABLE TRIGGER USER; "+sql, u.look(), false)
	if err != nil || quiet.Refused != nil {
		return err
	}
	_, now := rowState(quiet.Rows)
	r.Idle = now != hash
	return nil
}

// updates are statements that change the rows of the table: one that gives
// columns other values, and one that writes those that are there.
func (u *user) updates(c *crowd) []string {
	keys := map[int16]bool{}
	for _, i := range u.base.uniques[u.rel.OID] {
		for _, k := range i.Keys {
			keys[k.Column] = true
		}
	}
	for _, n := range u.rel.PartitionColumns {
		keys[n] = true
	}
	var others, same []string
	t := u.like(c)
	for _, col := range u.rel.Columns {
		if col.Generated != "" || col.Identity == "always" {
			continue
		}
		n := ident(col.Name)
		same = append(same, n+" = assay_row."+n)
		if keys[col.Num] || t == nil || slices.ContainsFunc(u.base.foreignKeys[u.rel.OID], func(k *schema.Constraint) bool { return slices.Contains(k.Columns, col.Num) }) {
			continue
		}
		if v := u.another(t, col); v != "" {
			others = append(others, n+" = "+strings.TrimSpace(v))
		}
	}
	var out []string
	for _, set := range [][]string{others, same} {
		if len(set) > 0 {
			out = append(out, "UPDATE "+fullName(u.rel)+" assay_row SET "+strings.Join(set, ", ")+" WHERE "+u.mine())
		}
	}
	return out
}

// another is a value of a column that the model row has not.
func (u *user) another(t *template, col *schema.Column) string {
	is := t.model.vals[col.Num]
	for _, f := range t.factors {
		if !slices.Equal(f.cols, []int16{col.Num}) {
			continue
		}
		for _, x := range f.cells {
			if v := x.vals[0]; v != is && v != null && x.odd == plain {
				return v
			}
		}
		return ""
	}
	for _, k := range u.base.checks[u.rel.OID] {
		if slices.Contains(k.Columns, col.Num) {
			return ""
		}
	}
	return u.base.types.sample(u.base.types.parse(col.Type), 4)
}
