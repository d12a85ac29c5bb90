package postgres

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/schema"
)

// What the catalog function leaves to be worked out here: every join that it
// does without makes it faster to start, and it is started for each statement.
type (
	readSchema struct {
		*schema.Schema
		ACL []string
	}
	readType struct {
		*schema.Type
		ACL []string
	}
	readFunction struct {
		*schema.Function
		ACL []string
	}
)

// naming tells what the decoder must know beside the reading. What it has asked
// the server once it keeps: none of it changes under an OID.
type naming struct {
	ctx context.Context
	r   *recorder
}

// known is what naming keeps.
type known struct {
	named      map[string]map[schema.OID]string
	rowTypes   map[schema.OID][2]schema.OID // the relation, or the type whose array it is
	collations map[schema.OID]schema.OID    // of types
	classes    map[schema.OID]string        // of operators; empty for a type's default
	owned      map[schema.OID]bool          // members of extensions
	strings    map[string]string
}

func newKnown() known {
	return known{
		named: map[string]map[schema.OID]string{
			"schema": {}, "tablespace": {}, "collation": {},
			"access method": {2: "heap", 403: "btree", 405: "hash", 783: "gist", 2742: "gin", 3580: "brin", 4000: "spgist"},
		},
		rowTypes:   map[schema.OID][2]schema.OID{},
		collations: map[schema.OID]schema.OID{18: 0, 19: 950, 25: 100, 1009: 100, 1014: 100, 1015: 100, 1042: 100, 1043: 100},
		classes:    map[schema.OID]string{},
		strings:    map[string]string{},
	}
}

// namesOf are where the names of a kind are.
var namesOf = map[string]string{
	"schema": "nspname FROM pg_catalog.pg_namespace", "tablespace": "spcname FROM pg_catalog.pg_tablespace",
	"access method": "amname FROM pg_catalog.pg_am", "collation": "collname FROM pg_catalog.pg_collation",
}

// ask gives one value; empty if the connection is broken, as the next statement will tell.
func (n naming) ask(format string, a ...any) string {
	conn, err := n.r.link(n.ctx)
	if err != nil {
		return ""
	}
	text, err := query(n.ctx, conn, fmt.Sprintf(format, a...))
	if err != nil {
		return ""
	}
	return text
}

// name tells what a schema, tablespace, access method or collation is called.
func (n naming) name(kind string, o schema.OID) string {
	if o == 0 {
		return ""
	}
	names := n.r.named[kind]
	text, ok := names[o]
	if !ok {
		text = n.ask("SELECT %s WHERE oid OPERATOR(pg_catalog.=) %d", namesOf[kind], o)
		names[o] = text
	}
	return text
}

// collationOf gives the collation that columns of a type have unless they are told another.
func (n naming) collationOf(t schema.OID) schema.OID {
	o, ok := n.r.collations[t]
	if !ok {
		o = oidOf(n.ask("SELECT typcollation FROM pg_catalog.pg_type WHERE oid OPERATOR(pg_catalog.=) %d", t))
		n.r.collations[t] = o
	}
	return o
}

// opclass gives the name of an operator class; empty if it is a type's default.
func (n naming) opclass(o schema.OID) string {
	text, ok := n.r.classes[o]
	if !ok {
		text = n.ask("SELECT opcname FROM pg_catalog.pg_opclass WHERE oid OPERATOR(pg_catalog.=) %d AND NOT opcdefault", o)
		n.r.classes[o] = text
	}
	return text
}

// standFor learns which relation or element the types stand for.
func (n naming) standFor(types map[schema.OID]bool) {
	var list []string
	for t := range types {
		if _, ok := n.r.rowTypes[t]; !ok {
			n.r.rowTypes[t] = [2]schema.OID{}
			list = append(list, fmt.Sprint(t))
		}
	}
	if len(list) == 0 {
		return
	}
	var rows [][3]schema.OID
	_ = json.Unmarshal([]byte(n.ask(typesSQL, strings.Join(list, ","))), &rows) // a broken connection tells itself
	for _, t := range rows {
		n.r.rowTypes[t[0]] = [2]schema.OID{t[1], t[2]}
	}
}

// members takes in what belongs to extensions.
func (n naming) members(all map[schema.OID]bool) { n.r.owned = all }

// member reports whether an object belongs to an extension.
func (n naming) member(o schema.OID) bool { return n.r.owned[o] }

// intern gives a string that is not part of a longer one, the same for all that are alike.
func (n naming) intern(s string) string {
	if s == "" {
		return ""
	}
	if len(s) > 128 {
		return strings.Clone(s)
	}
	t, ok := n.r.strings[s]
	if !ok {
		t = strings.Clone(s)
		n.r.strings[t] = t
	}
	return t
}

// fill completes what was read.
func (r *reading) fill() {
	for _, o := range r.SchemaRows {
		o.Schema.ACL = grants(o.ACL, o.Owner, nil)
		r.Schemas = append(r.Schemas, o.Schema)
	}
	for _, o := range r.TypeRows {
		o.Type.ACL = grants(o.ACL, o.Owner, []string{"=U/"})
		r.TypeObjects = append(r.TypeObjects, o.Type)
	}
	for _, o := range r.FunctionRows {
		o.Function.ACL = grants(o.ACL, o.Owner, []string{"=X/"})
		r.Functions = append(r.Functions, o.Function)
	}
}

func index[T any](list []*T, oid func(*T) schema.OID) map[schema.OID]*T {
	m := make(map[schema.OID]*T, len(list))
	for _, o := range list {
		m[oid(o)] = o
	}
	return m
}

// comments puts the comments to their objects.
func (r *reading) comments(texts map[schema.Ref]string) {
	if len(texts) == 0 {
		return
	}
	to := map[schema.Ref]*string{}
	put := func(class, o schema.OID, sub int16, text *string) {
		to[schema.Ref{Class: classOf(class), OID: o, Sub: sub}] = text
	}
	columns := func(o schema.OID, cs []*schema.Column) {
		for _, c := range cs {
			put(pgClass, o, c.Num, &c.Comment)
		}
	}
	for _, o := range r.Schemas {
		put(pgNamespace, o.OID, 0, &o.Comment)
	}
	for _, o := range r.Relations {
		put(pgClass, o.OID, 0, &o.Comment)
		columns(o.OID, o.Columns)
	}
	for _, o := range r.Indexes {
		put(pgClass, o.OID, 0, &o.Comment)
	}
	for _, o := range r.Constraints {
		put(pgConstraint, o.OID, 0, &o.Comment)
	}
	for _, o := range r.TypeObjects {
		put(pgType, o.OID, 0, &o.Comment)
		columns(o.Relation, o.Attributes)
	}
	for _, o := range r.Functions {
		put(pgProc, o.OID, 0, &o.Comment)
	}
	for _, o := range r.Triggers {
		put(pgTrigger, o.OID, 0, &o.Comment)
	}
	for _, o := range r.Policies {
		put(pgPolicy, o.OID, 0, &o.Comment)
	}
	for o, t := range texts {
		if text := to[o]; text != nil {
			*text = t
		}
	}
}

// privileges are the letters of an aclitem.
var privileges = map[byte]string{
	'a': "INSERT", 'r': "SELECT", 'w': "UPDATE", 'd': "DELETE", 'D': "TRUNCATE", 'x': "REFERENCES", 't': "TRIGGER",
	'X': "EXECUTE", 'U': "USAGE", 'C': "CREATE", 'T': "TEMPORARY", 'c': "CONNECT", 's': "SET", 'A': "ALTER SYSTEM", 'm': "MAINTAIN",
}

// grants reads an access control list, without the owner's own entries. A nil
// list is the default one, given by the owner.
func grants(list []string, owner string, otherwise []string) []schema.Grant {
	if list == nil {
		for _, item := range otherwise {
			list = append(list, item+`"`+strings.ReplaceAll(owner, `"`, `""`)+`"`)
		}
	}
	var out []schema.Grant
	for _, item := range list {
		grantee, rest := roleName(item)
		privs, grantor, _ := strings.Cut(strings.TrimPrefix(rest, "="), "/")
		by, _ := roleName(grantor)
		if grantee == owner {
			continue
		}
		if grantee == "" {
			grantee = "public"
		}
		for i := range len(privs) {
			if privs[i] != '*' {
				out = append(out, schema.Grant{Grantee: grantee, Privilege: privileges[privs[i]], Grantable: i+1 < len(privs) && privs[i+1] == '*', Grantor: by})
			}
		}
	}
	slices.SortFunc(out, func(a, b schema.Grant) int {
		return cmp.Or(cmp.Compare(a.Grantee, b.Grantee), cmp.Compare(a.Privilege, b.Privilege), cmp.Compare(a.Grantor, b.Grantor))
	})
	return out
}

// roleName reads the name at the start of an aclitem's part.
func roleName(s string) (name, rest string) {
	if !strings.HasPrefix(s, `"`) {
		if i := strings.IndexAny(s, "=/"); i >= 0 {
			return s[:i], s[i:]
		}
		return s, ""
	}
	for i := 1; i < len(s); i++ {
		if s[i] != '"' {
			continue
		}
		if i+1 < len(s) && s[i+1] == '"' {
			i++
			continue
		}
		return strings.ReplaceAll(s[1:i], `""`, `"`), s[i+1:]
	}
	return s[1:], ""
}
