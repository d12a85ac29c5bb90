// Package state reads the schema of a database for planning. It shares no code
// with the catalog that internal/schema describes, so that each can be held
// against the other.
package state

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/assaydb/assay/internal/plan"
)

// Read reads the state that a connection sees, in its transaction if one is
// open. It reads catalogs alone, takes no lock on a table and needs no rights
// but to connect; what the role may not read is named in Unread.
func Read(ctx context.Context, c *pgx.Conn) (*plan.State, error) {
	begin, end := "BEGIN READ ONLY", "ROLLBACK" // with it goes the search_path
	if c.PgConn().TxStatus() != 'I' {
		begin, end = "SAVEPOINT assay_read", "ROLLBACK TO SAVEPOINT assay_read; RELEASE SAVEPOINT assay_read"
	}
	for _, sql := range []string{begin, "SET LOCAL search_path = ''"} {
		if _, err := c.Exec(ctx, sql); err != nil {
			return nil, fmt.Errorf("reading the schema: %w", err)
		}
	}
	defer func() { _, _ = c.PgConn().Exec(context.WithoutCancel(ctx), end).ReadAll() }()
	r := &reader{State: &plan.State{Objects: map[plan.Key]*plan.Object{}}, keys: map[id]plan.Key{}, members: map[id]bool{}, alias: map[id]id{}}
	if err := c.QueryRow(ctx, "SELECT current_setting('server_version_num')::int / 10000, current_user").Scan(&r.Major, &r.Role); err != nil {
		return nil, fmt.Errorf("reading the schema: %w", err)
	}
	if err := r.read(ctx, c); err != nil {
		return nil, fmt.Errorf("reading the schema: %w", err)
	}
	return r.State, nil
}

// id is what pg_depend calls an object by.
type id struct {
	catalog, oid uint32
	sub          int32
}

type reader struct {
	*plan.State
	keys    map[id]plan.Key
	members map[id]bool
	alias   map[id]id
}

func (r *reader) read(ctx context.Context, c *pgx.Conn) error {
	var b pgx.Batch
	pairs := aliases
	if r.Major >= 14 {
		pairs += multiranges
	}
	b.Queue(members).Query(func(rows pgx.Rows) error { return r.pairs(rows, true) })
	b.Queue(pairs).Query(func(rows pgx.Rows) error { return r.pairs(rows, false) })
	all := append(append(append([]string{}, queries...), codeQueries...), publishedTables(r.Major))
	if r.Major >= 15 {
		all = append(all, publishedSchemas)
	}
	for _, q := range append(all, subscriptions) {
		b.Queue(q).Query(r.objects)
	}
	b.Queue(comments).Query(r.comments)
	b.Queue(depends).Query(r.depends)
	b.Queue("SELECT s.srvname || ' for ' || usename FROM pg_user_mappings u JOIN pg_foreign_server s ON s.oid = u.srvid WHERE umoptions IS NULL AND s.srvowner <> (SELECT oid FROM pg_roles WHERE rolname = current_user) AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) ORDER BY 1").
		Query(func(rows pgx.Rows) error {
			of, err := pgx.CollectRows(rows, pgx.RowTo[string])
			for _, m := range of {
				r.Unread = append(r.Unread, "options of the user mapping of "+m)
			}
			return err
		})
	if err := c.SendBatch(ctx, &b).Close(); err != nil {
		return err
	}
	for _, o := range r.Objects {
		r.contain(o)
		slices.SortFunc(o.Needs, plan.Compare)
		o.Needs = slices.Compact(o.Needs)
		slices.SortFunc(o.ACL, func(a, b plan.Grant) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	}
	return nil
}

func (r *reader) pairs(rows pgx.Rows, members bool) error {
	for rows.Next() {
		var a, b id
		if err := rows.Scan(&a.catalog, &a.oid, &b.catalog, &b.oid, &b.sub); err != nil {
			return err
		}
		r.alias[a] = b
		if members {
			r.members[a] = true
		}
	}
	return rows.Err()
}

func (r *reader) objects(rows pgx.Rows) error {
	class, relation := "", uint32(0)
	for rows.Next() {
		var at id
		var o plan.Object
		var parts, facts map[string]*json.RawMessage
		var grants [][4]any
		if err := rows.Scan(&class, &at.catalog, &at.oid, &at.sub, &relation, &o.Schema, &o.Of, &o.Name, &parts, &facts, &o.Owner, &grants, &o.Inherited); err != nil {
			return err
		}
		o.Class = plan.Class(class)
		if r.members[id{at.catalog, at.oid, 0}] || r.isMember(relation) {
			continue
		}
		o.Parts, o.Facts = texts(parts), texts(facts)
		hideSecrets(&o)
		for _, g := range grants {
			o.ACL = append(o.ACL, plan.Grant{Grantee: g[0].(string), Grantor: g[1].(string), Privilege: g[2].(string), Option: g[3].(bool)})
		}
		if at.sub >= 0 {
			r.keys[at] = o.Key
		}
		r.Objects[o.Key] = &o
	}
	return rows.Err()
}

// isMember reports whether a relation is an extension's; what belongs to it is too.
func (r *reader) isMember(relation uint32) bool {
	return relation != 0 && r.members[id{r.relations(), relation, 0}]
}

func (r *reader) relations() uint32 { return 1259 } // pg_class

func texts(m map[string]*json.RawMessage) map[string]string {
	out := map[string]string{}
	for k, v := range m {
		if v == nil || string(*v) == "null" {
			continue
		}
		var s string
		if json.Unmarshal(*v, &s) != nil {
			s = string(*v)
		}
		if s != "" {
			out[k] = s
		}
	}
	return out
}

func (r *reader) comments(rows pgx.Rows) error {
	for rows.Next() {
		var at id
		var text string
		if err := rows.Scan(&at.catalog, &at.oid, &at.sub, &text); err != nil {
			return err
		}
		if k, ok := r.keys[at]; ok {
			r.Objects[k].Comment = text
		} else if to, ok := r.alias[at]; ok && !r.members[at] {
			// The comment of a composite type is the type's, not the relation's.
			switch k := r.keys[to]; k.Class {
			case plan.Composite:
				r.Objects[k].Comment = text
			case plan.Constraint:
				r.Objects[k].Parts["comment of the index"] = text
			}
		}
	}
	return rows.Err()
}

func (r *reader) depends(rows pgx.Rows) error {
	for rows.Next() {
		var from, to id
		var kind string
		if err := rows.Scan(&from.catalog, &from.oid, &from.sub, &to.catalog, &to.oid, &to.sub, &kind); err != nil {
			return err
		}
		if r.members[id{from.catalog, from.oid, 0}] {
			continue
		}
		// The index of a partition is part of the parent's: that of a constraint of its
		// own, too, which is there before it and stays behind it.
		if _, ok := r.alias[from]; ok && from.catalog == r.relations() && to.catalog == from.catalog && (kind == "P" || kind == "S" || r.alias[from].catalog == from.catalog) {
			continue
		}
		a, ok := r.key(from)
		b, ok2 := r.key(to)
		// A sequence is owned by a column, which its default needs.
		if !ok || !ok2 || a == b || a.Class == plan.Sequence && b.Class == plan.Column {
			continue
		}
		o := r.Objects[a]
		o.Needs = append(o.Needs, b)
	}
	return rows.Err()
}

// key finds the object that pg_depend means.
func (r *reader) key(at id) (plan.Key, bool) {
	for range 100 { // nested partitions
		if k, ok := r.keys[at]; ok {
			return k, true
		}
		to, ok := r.alias[at]
		if !ok && at.sub != 0 {
			to, ok = id{at.catalog, at.oid, 0}, true
		}
		if !ok {
			return plan.Key{}, false
		}
		at = to
	}
	return plan.Key{}, false
}

// contain adds the object that another belongs to to what that needs.
func (r *reader) contain(o *plan.Object) {
	if o.Of == "" {
		return
	}
	for _, class := range []plan.Class{plan.Table, plan.ForeignTable, plan.View, plan.MaterializedView, plan.Composite, plan.Domain} {
		if k := (plan.Key{Class: class, Schema: o.Schema, Name: o.Of}); r.Objects[k] != nil && o.Class != plan.PublishedTable {
			o.Needs = append(o.Needs, k)
		}
	}
	for _, class := range []plan.Class{plan.Publication, plan.Server} {
		if k := (plan.Key{Class: class, Name: o.Of}); r.Objects[k] != nil && slices.Contains([]plan.Class{plan.PublishedTable, plan.PublishedSchema, plan.UserMapping}, o.Class) {
			o.Needs = append(o.Needs, k)
		}
	}
	if o.Class == plan.Default {
		o.Needs = append(o.Needs, plan.Key{Class: plan.Column, Schema: o.Schema, Of: o.Of, Name: o.Name})
	}
}

// salt makes what stands for a secret worthless outside the process.
var salt = func() []byte {
	b := make([]byte, 32)
	_, _ = rand.Read(b)
	return b
}()

// hideSecrets puts a mark in the place of option values that may be secrets, so
// that they are compared and never printed.
func hideSecrets(o *plan.Object) {
	v, ok := o.Parts["foreign options"]
	if !ok {
		return
	}
	lines := strings.Split(v, "\n")
	for i, l := range lines {
		name, value, _ := strings.Cut(l, "=")
		if plan.IsSecret(o.Class, name) {
			sum := sha256.Sum256(append(slices.Clone(salt), value...))
			lines[i] = name + "=" + plan.SecretMark + hex.EncodeToString(sum[:8])
		}
	}
	o.Parts["foreign options"] = strings.Join(lines, "\n")
}
