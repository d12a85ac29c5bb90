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
	readRelation struct {
		*schema.Relation
		ACL          []string
		TSOID, AMOID schema.OID
	}
	readIndex struct {
		*schema.Index
		TSOID, AMOID schema.OID
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

// naming gives what a tablespace or access method is called.
type naming func(schema.OID) string

// builtin are the access methods that every server has.
var builtin = map[schema.OID]string{2: "heap", 403: "btree", 405: "hash", 783: "gist", 2742: "gin", 3580: "brin", 4000: "spgist"}

// names reads the names of tablespaces and of access methods that extensions bring.
func (r *recorder) names(ctx context.Context) naming {
	return func(o schema.OID) string {
		if o == 0 {
			return ""
		}
		if n, ok := builtin[o]; ok {
			return n
		}
		if n, ok := r.named[o]; ok {
			return n
		}
		n, err := query(ctx, r.conn, fmt.Sprintf("SELECT coalesce((SELECT spcname FROM pg_catalog.pg_tablespace WHERE oid OPERATOR(pg_catalog.=) %d), (SELECT amname FROM pg_catalog.pg_am WHERE oid OPERATOR(pg_catalog.=) %d))", o, o))
		if err != nil {
			return "" // the connection is broken, as the next statement will tell
		}
		if r.named == nil {
			r.named = map[schema.OID]string{}
		}
		r.named[o] = n
		return n
	}
}

// fill completes what was read.
func (r *reading) fill(name naming) {
	for _, o := range r.SchemaRows {
		o.Schema.ACL = grants(o.ACL, o.Owner, nil)
		r.Schemas = append(r.Schemas, o.Schema)
	}
	for _, o := range r.RelationRows {
		slices.Sort(o.Options)
		o.Relation.ACL = grants(o.ACL, o.Owner, nil)
		o.Tablespace, o.AccessMethod = name(o.TSOID), name(o.AMOID)
		r.Relations = append(r.Relations, o.Relation)
	}
	for _, o := range r.IndexRows {
		slices.Sort(o.Options)
		o.Tablespace, o.Method = name(o.TSOID), name(o.AMOID)
		r.Indexes = append(r.Indexes, o.Index)
	}
	for _, o := range r.TypeRows {
		o.Type.ACL = grants(o.ACL, o.Owner, []string{"=U/"})
		r.TypeObjects = append(r.TypeObjects, o.Type)
	}
	for _, o := range r.FunctionRows {
		o.Function.ACL = grants(o.ACL, o.Owner, []string{"=X/"})
		r.Functions = append(r.Functions, o.Function)
	}
	r.columnACLs()
	r.comments()
}

func (r *reading) columnACLs() {
	if len(r.ColumnACLs) == 0 {
		return
	}
	rels := index(r.Relations, func(o *schema.Relation) schema.OID { return o.OID })
	for _, a := range r.ColumnACLs {
		o := rels[number(a[0])]
		if o == nil {
			continue
		}
		var list []string
		_ = json.Unmarshal(a[2], &list) // what is no list stays empty
		for _, c := range o.Columns {
			if schema.OID(c.Num) == number(a[1]) {
				c.ACL = grants(list, o.Owner, nil)
			}
		}
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
func (r *reading) comments() {
	if len(r.Comments) == 0 {
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
	for _, c := range r.Comments {
		if text := to[schema.Ref{Class: classOf(number(c[0])), OID: number(c[1]), Sub: int16(number(c[2]))}]; text != nil {
			*text = str(c[3])
		}
	}
}

// privileges are the letters of an aclitem.
var privileges = map[byte]string{'a': "INSERT", 'r': "SELECT", 'w': "UPDATE", 'd': "DELETE", 'D': "TRUNCATE", 'x': "REFERENCES", 't': "TRIGGER",
	'X': "EXECUTE", 'U': "USAGE", 'C': "CREATE", 'T': "TEMPORARY", 'c': "CONNECT", 's': "SET", 'A': "ALTER SYSTEM", 'm': "MAINTAIN"}

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
