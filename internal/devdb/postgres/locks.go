package postgres

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/schema"
)

// seenLock is a relation lock of the traced backend, with what the probe tells of the relation.
type seenLock struct {
	relation, index, filenode schema.OID // index: its table
	mode                      devdb.LockMode
	kind, schema, name        string // empty if the relation is not there
	counts                    counts
	counted                   bool
}

// counts are pg_stat_xact counters of a relation.
type counts struct{ scans, inserted, updated, deleted int64 }

var lockModes = map[string]devdb.LockMode{
	"AccessShareLock": devdb.AccessShare, "RowShareLock": devdb.RowShare, "RowExclusiveLock": devdb.RowExclusive,
	"ShareUpdateExclusiveLock": devdb.ShareUpdateExclusive, "ShareLock": devdb.Share,
	"ShareRowExclusiveLock": devdb.ShareRowExclusive, "ExclusiveLock": devdb.Exclusive, "AccessExclusiveLock": devdb.AccessExclusive,
}

var relkinds = map[string]string{
	"r": "table", "p": "partitioned table", "f": "foreign table", "v": "view", "m": "materialized view",
	"S": "sequence", "i": "index", "I": "index", "t": "toast table", "c": "composite type",
}

type probed struct {
	Canary int64
	Locks  [][11]json.RawMessage
}

func parseProbe(text []byte) (int64, []seenLock, error) {
	var p probed
	if err := json.Unmarshal(text, &p); err != nil {
		return 0, nil, fmt.Errorf("decoding the locks: %w", err)
	}
	var out []seenLock
	for _, r := range p.Locks {
		l := seenLock{relation: number(r[0]), mode: lockModes[str(r[1])], kind: str(r[2]), schema: str(r[3]), name: str(r[4]),
			index: number(r[5]), filenode: number(r[6])}
		if string(r[7]) != "null" {
			l.counted = true
			l.counts = counts{integer(r[7]), integer(r[8]), integer(r[9]), integer(r[10])}
		}
		out = append(out, l)
	}
	return p.Canary, out, nil
}

func integer(m json.RawMessage) int64 {
	n, _ := strconv.ParseInt(string(m), 10, 64) // null is 0
	return n
}

// holding is what a transaction holds: by relation and mode, the step that took it.
type holding map[schema.OID]map[devdb.LockMode]devdb.Lock

// strongest gives the strongest lock held on a relation.
func (h holding) strongest(o schema.OID) (devdb.Lock, bool) {
	var best devdb.Lock
	for m, l := range h[o] {
		if m.Strength() > best.Mode.Strength() {
			best = l
		}
	}
	return best, best.Mode != ""
}

// list gives the strongest lock of each relation, sorted by name.
func (h holding) list() []devdb.Lock {
	var out []devdb.Lock
	for o := range h {
		if l, ok := h.strongest(o); ok {
			out = append(out, l)
		}
	}
	sortLocks(out)
	return out
}

func sortLocks(ls []devdb.Lock) {
	slices.SortFunc(ls, func(a, b devdb.Lock) int {
		return cmp.Or(cmp.Compare(a.Object, b.Object), cmp.Compare(a.Kind, b.Kind), cmp.Compare(b.Mode.Strength(), a.Mode.Strength()), cmp.Compare(a.Relation, b.Relation))
	})
}

// take compares what is held now with what was held, and gives the strongest
// new lock of each relation and the new holding. Relations that came and went
// within the statement (the heap of a rewrite) have no name and are left out.
func (h holding) take(now []seenLock, step int, before, after *schema.Catalog) ([]devdb.Lock, holding) {
	next := holding{}
	fresh := map[schema.OID]devdb.Lock{}
	for _, s := range now {
		old, had := h[s.relation][s.mode]
		l := old
		if !had {
			var ok bool
			if l, ok = nameLock(s, before, after); !ok {
				continue
			}
			l.Step = step
		}
		if next[s.relation] == nil {
			next[s.relation] = map[devdb.LockMode]devdb.Lock{}
		}
		next[s.relation][s.mode] = l
		if !had && l.Mode.Strength() > fresh[s.relation].Mode.Strength() {
			fresh[s.relation] = l
		}
	}
	var out []devdb.Lock
	for o, l := range fresh {
		if was, ok := h.strongest(o); ok && was.Mode.Strength() >= l.Mode.Strength() {
			continue
		}
		out = append(out, l)
	}
	sortLocks(out)
	return out, next
}

// nameLock finds what a locked relation is called: as it was before the
// statement, else as the statement made it.
func nameLock(s seenLock, before, after *schema.Catalog) (devdb.Lock, bool) {
	l := devdb.Lock{Relation: s.relation, Table: s.relation, Mode: s.mode}
	for _, c := range []*schema.Catalog{before, after} {
		if c == nil {
			continue
		}
		if i := c.Indexes[s.relation]; i != nil {
			l.Object, l.Kind, l.Table = i.QualifiedName(), "index", i.Table
			return l, true
		}
		if r := c.Relations[s.relation]; r != nil {
			l.Object, l.Kind = r.QualifiedName(), string(r.Kind)
			return l, true
		}
		if o, ok := toastOwner(s, c); ok {
			l.Object, l.Kind, l.Table = o.QualifiedName(), "toast table", o.OID
			return l, true
		}
	}
	if s.name == "" || strings.HasPrefix(s.schema, "pg_toast") {
		return l, false
	}
	l.Object, l.Kind = templess(s.schema+"."+s.name), relkinds[s.kind]
	if s.index != 0 {
		l.Table = s.index
	}
	return l, true
}

// toastOwner finds the table of a toast table or its index by the name the server gives them.
func toastOwner(s seenLock, c *schema.Catalog) (*schema.Relation, bool) {
	n, ok := strings.CutPrefix(s.name, "pg_toast_")
	if !ok {
		return nil, false
	}
	oid, err := strconv.ParseUint(strings.TrimSuffix(n, "_index"), 10, 32)
	if err != nil {
		return nil, false
	}
	r := c.Relations[schema.OID(oid)]
	return r, r != nil
}
