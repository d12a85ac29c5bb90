package plan

import (
	"cmp"
	"slices"
	"strings"
)

// attached brings owner, privileges and comment of an object from what it has to
// what is wanted. With have nil the object is new, and role owns it.
func attached(have, want *Object, role string, major int) []string {
	var out []string
	h := Object{Owner: role}
	if have != nil {
		h = *have
	} else if want.ACL != nil {
		h.ACL = builtin(want, role, major)
	}
	switch {
	case want.Owner == "" || want.Owner == h.Owner || want.Class == Extension || want.Inherited && want.Class == Sequence:
	case want.Class == Composite:
		out = append(out, "ALTER TYPE "+want.name()+" OWNER TO "+ident(want.Owner))
	case want.Class == Sequence && want.Parts["owned by"] != "" && have != nil:
		// It follows the owner of its table.
	default:
		out = append(out, "ALTER "+want.address()+" OWNER TO "+ident(want.Owner))
	}
	if have == nil || want.Owner != h.Owner {
		h.ACL = handed(h.ACL, h.Owner, want.Owner)
	}
	out = append(out, grants(h.ACL, want.ACL, want, want.Owner)...)
	if h.Comment != want.Comment {
		out = append(out, "COMMENT ON "+want.address()+" IS "+commentText(want.Comment))
	}
	return out
}

func commentText(s string) string {
	if s == "" {
		return "NULL"
	}
	return strings.TrimSpace(literal(s))
}

// builtin is the access control list that a new object has: all for its owner,
// and for PUBLIC what its class gives.
func builtin(o *Object, owner string, major int) []Grant {
	var out []Grant
	public := ""
	switch {
	case o.Class == Column:
		return nil
	case o.Class.isRoutine():
		public = "EXECUTE"
	case o.Class.isType():
		public = "USAGE"
	}
	if public != "" {
		out = append(out, Grant{Grantee: "", Grantor: owner, Privilege: public})
	}
	for _, p := range privileges(o.Class) {
		if p == "MAINTAIN" && major < 17 {
			continue
		}
		out = append(out, Grant{Grantee: owner, Grantor: owner, Privilege: p})
	}
	return out
}

func privileges(c Class) []string {
	switch c {
	case Table, View, MaterializedView, ForeignTable:
		return []string{"SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN"}
	case Sequence:
		return []string{"SELECT", "UPDATE", "USAGE"}
	case Schema:
		return []string{"USAGE", "CREATE"}
	case Column:
		return []string{"SELECT", "INSERT", "UPDATE", "REFERENCES"}
	case Function, Procedure, Aggregate:
		return []string{"EXECUTE"}
	}
	return []string{"USAGE"}
}

// handed is the list after the owner changes: the new one is in the old one's place.
func handed(list []Grant, from, to string) []Grant {
	out := slices.Clone(list)
	for i := range out {
		if out[i].Grantee == from {
			out[i].Grantee = to
		}
		if out[i].Grantor == from {
			out[i].Grantor = to
		}
	}
	return out
}

// grants are the GRANT and REVOKE that lead from one list to the other.
func grants(have, want []Grant, o *Object, owner string) []string {
	if owner == "" && o.Class != DefaultACL && len(want)+len(have) > 0 {
		owner = cmp.Or(append(want, have...)[0].Grantor)
	}
	in := func(list []Grant, g Grant) bool { return slices.Contains(list, g) }
	var revoke, grant []Grant
	for _, g := range have {
		if !in(want, g) {
			revoke = append(revoke, g)
		}
	}
	for _, g := range want {
		if !in(have, g) {
			grant = append(grant, g)
		}
	}
	// What differs by the grant option alone is granted, or loses the option.
	var out []string
	for _, g := range merged(revoke) {
		option := ""
		if g.Option && slices.ContainsFunc(want, func(w Grant) bool {
			return w.Grantee == g.Grantee && w.Grantor == g.Grantor && !w.Option && strings.Contains(g.Privilege, w.Privilege)
		}) {
			option = "GRANT OPTION FOR "
		}
		if !g.Option && everyUpgraded(revoke, want, g) {
			continue
		}
		out = append(out, as(g, owner, "REVOKE "+option+onWhat(g, o)+" FROM "+role(g.Grantee)+" CASCADE")...)
	}
	for _, g := range merged(grant) {
		option := ""
		if g.Option {
			option = " WITH GRANT OPTION"
		}
		out = append(out, as(g, owner, "GRANT "+onWhat(g, o)+" TO "+role(g.Grantee)+option)...)
	}
	return out
}

// everyUpgraded reports whether all revoked privileges of g are granted with the option.
func everyUpgraded(revoke, want []Grant, g Grant) bool {
	for _, r := range revoke {
		if r.Grantee == g.Grantee && r.Grantor == g.Grantor && !r.Option && !slices.Contains(want, Grant{r.Grantee, r.Grantor, r.Privilege, true}) {
			return false
		}
	}
	return true
}

// as runs a statement as the grantor where that is not the owner.
func as(g Grant, owner, sql string) []string {
	if g.Grantor == owner || owner == "" || g.Grantor == "" {
		return []string{sql}
	}
	return []string{"SET ROLE " + ident(g.Grantor), sql, "RESET ROLE"}
}

// merged puts the privileges of one grantee, grantor and option together.
func merged(list []Grant) []Grant {
	var out []Grant
	for _, g := range list {
		i := slices.IndexFunc(out, func(o Grant) bool {
			return o.Grantee == g.Grantee && o.Grantor == g.Grantor && o.Option == g.Option
		})
		if i < 0 {
			out = append(out, g)
		} else {
			out[i].Privilege += ", " + g.Privilege
		}
	}
	return out
}

func role(name string) string {
	if name == "" {
		return "PUBLIC"
	}
	return ident(name)
}

func onWhat(g Grant, o *Object) string {
	p := g.Privilege
	switch o.Class {
	case Column:
		parts := strings.Split(p, ", ")
		for i := range parts {
			parts[i] += " (" + ident(o.Name) + ")"
		}
		return strings.Join(parts, ", ") + " ON " + o.table()
	case Table, View, MaterializedView, ForeignTable:
		return p + " ON " + o.name()
	case Server:
		return p + " ON FOREIGN SERVER " + o.name()
	case Aggregate:
		return p + " ON FUNCTION " + o.name()
	case DefaultACL:
		kind, _, _ := strings.Cut(o.Name, " of ")
		return p + " ON " + kind
	}
	return p + " ON " + o.address()
}

// defaultACL are the statements for default privileges; nil is the object that is missing.
func defaultACL(have, want *Object, major int) []string {
	o := want
	if o == nil {
		o = have
	}
	head := "ALTER DEFAULT PRIVILEGES FOR ROLE " + ident(o.Facts["role"])
	if o.Schema != "" {
		head += " IN SCHEMA " + ident(o.Schema)
	}
	list := func(x *Object) []Grant {
		if x != nil {
			return x.ACL
		}
		if o.Schema != "" {
			return nil
		}
		class := map[string]Class{"r": Table, "S": Sequence, "f": Function, "T": Enum, "n": Schema}[o.Facts["kind"]]
		return builtin(&Object{Key: Key{Class: class}}, o.Facts["role"], major)
	}
	var out []string
	for _, s := range grants(list(have), list(want), o, "") {
		out = append(out, head+" "+strings.TrimSuffix(s, " CASCADE"))
	}
	return out
}
