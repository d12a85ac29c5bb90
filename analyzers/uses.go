package analyzers

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

// useKind says what kind of fault a use that got worse shows.
type useKind int

const (
	useFails   useKind = iota // what runs with it fails
	useLoops                  // what runs with it calls itself without end
	useIdle                   // what runs with it takes the rows away
	usePolicy                 // a policy reads the table that it is for
	useDenied                 // a role lacks a privilege on what runs with it
	useNothing                // no fault of what was used, or another check reports it
)

// kindOf sorts a use by its fault.
func (p *Pass) kindOf(u *devdb.Use) useKind {
	r := u.After
	switch {
	case r.Idle && (u.Before.There || u.Verb == "INSERT"):
		return useIdle
	case r.Idle, r.Code == "42501" && p.deniedItself(u):
		return useNothing
	case r.Code == "42501":
		return useDenied
	case r.Code == "42P17", u.Role != "" && r.Code == "54001" && !p.fails(u, ""):
		return usePolicy
	case u.Role != "" && p.fails(u, ""), p.broken(u):
		return useNothing // the owner's use is reported, or the routine
	case r.Code == "54001", r.Code == "27000":
		return useLoops
	}
	return useFails
}

// fails reports whether another role's same use got worse, too.
func (p *Pass) fails(u *devdb.Use, role string) bool {
	return slices.ContainsFunc(p.Exercise.Worse, func(o *devdb.Use) bool {
		return o != u && o.Object == u.Object && o.Role == role && o.After.Code == u.After.Code
	})
}

// deniedItself reports whether the privilege that is missing is one on the
// object that is used: that one has lost it is reported of the grant.
func (p *Pass) deniedItself(u *devdb.Use) bool {
	name := ""
	if r := p.After.Relations[u.Object.OID]; r != nil {
		name = r.Name
	}
	if strings.HasPrefix(u.After.Message, "permission denied for sequence") && u.After.Where == "" {
		return true // of a default: a missing grant is reported of the column
	}
	return strings.HasSuffix(u.After.Message, " "+name) || !strings.HasPrefix(u.After.Message, "permission denied")
}

// broken reports whether a routine in which the use fails is reported already,
// for a name that is not there.
func (p *Pass) broken(u *devdb.Use) bool {
	return slices.ContainsFunc(p.Broken, func(b devdb.BrokenRoutine) bool {
		f := p.After.Functions[b.Function]
		return f != nil && (b.Message == u.After.Message || b.Code == u.After.Code && hasWord(u.After.Where, f.Name))
	})
}

// provenUse is a use that worked before the change and fails for the column that
// a routine misses, nil if there is none. Other objects may be where it runs.
func (p *Pass) provenUse(b devdb.BrokenRoutine) *devdb.Use {
	if p.Exercise == nil || b.Code != "42703" {
		return nil
	}
	for _, u := range p.Exercise.Worse {
		if u.Before.Passes() && !u.After.Some && u.After.Message == b.Message && u.Object.Class == schema.ClassRelation {
			return u
		}
	}
	return nil
}

// uses gives the uses that got worse of one kind, one for each object, error and
// statement: INSERT, UPDATE and DELETE that fail in one place are one fault.
func (p *Pass) uses(kind useKind) []*devdb.Use {
	if p.Exercise == nil {
		return nil
	}
	var out []*devdb.Use
	for _, u := range p.Exercise.Worse {
		if p.kindOf(u) != kind {
			continue
		}
		if !slices.ContainsFunc(out, func(o *devdb.Use) bool {
			return o.Step == u.Step && o.Object == u.Object && o.After.Code == u.After.Code && (o.After.Message == u.After.Message || u.After.Code == "54001") && o.After.Idle == u.After.Idle && o.Omits == u.Omits
		}) {
			out = append(out, u)
		}
	}
	return out
}

// verbs are those of the uses of one object that got worse at one statement in
// the same way: "INSERT and UPDATE".
func (p *Pass) verbs(u *devdb.Use) string {
	var out []string
	for _, o := range p.Exercise.Worse {
		if o.Step == u.Step && o.Object == u.Object && o.After.Code == u.After.Code && o.After.Idle == u.After.Idle && o.Omits == u.Omits && !slices.Contains(out, o.Verb) {
			out = append(out, o.Verb)
		}
	}
	return listPlain(out, len(out))
}

// used is the object of a use, as people name it.
func (p *Pass) used(u *devdb.Use) string {
	if u.Object.Class == schema.ClassFunction {
		return p.functionName(u.Step, u.Object.OID)
	}
	if r := p.After.Relations[u.Object.OID]; r != nil {
		return r.QualifiedName()
	}
	return p.After.Name(u.Object)
}

var inFunction = regexp.MustCompile(`(?:PL/\w+|SQL) function "?([^"\s(]+(?:\([^)]*\))?)"?(?: line (\d+)| statement \d+)?`)

// where says in which function a use failed, empty if in none.
func where(r devdb.UseResult) string {
	m := inFunction.FindStringSubmatch(r.Where)
	if m == nil {
		return ""
	}
	out := "in " + m[1]
	if m[2] != "" {
		out += ", line " + m[2]
	}
	return out
}

// useEvidence shows the use: the rows that were there, the call, and what the
// server said before and after.
func useEvidence(u *devdb.Use) []lint.Evidence {
	sql := u.SQL + ";"
	if u.Rows != "" && u.Verb != "INSERT" {
		sql = clipRows(u.Rows) + "\n" + sql
	}
	text := "it does nothing"
	if u.After.Code != "" {
		text = serverSaid(u.After)
	}
	if u.Role != "" {
		text += ", as " + u.Role
	}
	out := []lint.Evidence{{Kind: "counterexample", Text: text, SQL: sql, Code: u.After.Code}}
	if u.Before.Passes() {
		out = append(out, lint.Evidence{Kind: "catalog", Text: "the same worked before the change"})
	}
	return out
}

// clipRows keeps the last few INSERT statements.
func clipRows(rows string) string {
	all := strings.Split(rows, "\n")
	if n := len(all); n > 3 {
		all = all[n-3:]
	}
	return strings.Join(all, "\n")
}

// reportUse reports a use at the statement since which it goes so.
func (p *Pass) reportUse(u *devdb.Use, f lint.Finding) {
	f.Object = p.used(u)
	f.Confidence = lint.Proven
	f.Evidence = useEvidence(u)
	p.Report(At{Migration: u.Migration, Step: u.Step}, f)
}

// serverSaid is what the server says of a use, with the place.
func serverSaid(r devdb.UseResult) string {
	if w := where(r); w != "" {
		return fmt.Sprintf("%s, %s", r.Message, w)
	}
	return r.Message
}
