package postgres

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/schema"
)

// seenLock is a relation lock of the traced backend, with what is known of the relation.
type seenLock struct {
	relation, index, filenode schema.OID // index: its table
	mode                      devdb.LockMode
	kind, schema, name        string // of one that the catalog does not know; empty if it is not there
	counts                    counts
	reported                  counts // with everything: those before counts
	counted                   bool   // it is a table, whose counts are its own
}

// stranger is a relation that is locked and not in the catalog.
type stranger struct {
	kind, schema, name string
	index              schema.OID
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

// parseProbe reads what a probe gives: the canary, then for each lock relation,
// mode, file and counts.
func parseProbe(text string) (canary, written int64, locks []seenLock, err error) {
	first, rest, _ := strings.Cut(text, "\n")
	if _, err = fmt.Sscan(first, &canary, &written); err != nil {
		return 0, 0, nil, fmt.Errorf("decoding the locks: %w", err)
	}
	for line := range strings.Lines(rest) {
		f := strings.Fields(line)
		if len(f) != 7 && len(f) != 11 {
			return 0, 0, nil, fmt.Errorf("decoding the locks: the server gave %q", line)
		}
		l := seenLock{
			relation: oidOf(f[0]), mode: lockModes[f[1]], filenode: oidOf(f[2]),
			counts: counts{integer(f[3]), integer(f[4]), integer(f[5]), integer(f[6])},
		}
		if len(f) == 11 {
			l.reported = counts{integer(f[7]), integer(f[8]), integer(f[9]), integer(f[10])}
		}
		locks = append(locks, l)
	}
	return canary, written, locks, nil
}

func oidOf(s string) schema.OID {
	n, _ := strconv.ParseUint(s, 10, 32) // what is no number is 0
	return schema.OID(n)
}

func integer(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64) // what is no number is 0
	return n
}

// recognize completes locks by what is known of their relations; those that the
// catalog does not know are asked about, unless strangers has them or the
// statement has just made them, which the catalog is about to tell.
func (r *recorder) recognize(ctx context.Context, connection func(context.Context) (*pgconn.PgConn, error), c *schema.Catalog, strangers map[schema.OID]stranger, made map[schema.OID]bool, locks []seenLock) error {
	var unknown []string
	for i := range locks {
		l := &locks[i]
		if x := c.Indexes[l.relation]; x != nil {
			l.index = x.Table
		} else if t := c.Relations[l.relation]; t != nil {
			l.counted = t.Kind == schema.Table || t.Kind == schema.MaterializedView
			if t.Kind == schema.MaterializedView {
				l.counts = counts{scans: l.counts.scans}
			}
		} else if s, ok := strangers[l.relation]; ok {
			l.is(s)
		} else if !made[l.relation] {
			unknown = append(unknown, strconv.FormatUint(uint64(l.relation), 10))
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	conn, err := connection(ctx)
	if err != nil {
		return err
	}
	text, err := valueOf(conn, r.meeting, "{"+strings.Join(unknown, ",")+"}")
	if err != nil {
		return fmt.Errorf("asking what is locked: %w", err)
	}
	for _, u := range unknown {
		strangers[oidOf(u)] = stranger{} // came and went
	}
	err = eachRow(text, func(_ byte, c []cell) error {
		strangers[c[0].oid()] = stranger{kind: c[1].text, schema: strings.Clone(c[2].text), name: strings.Clone(c[3].text), index: c[4].oid()}
		return nil
	})
	if err != nil {
		return fmt.Errorf("asking what is locked: %w", err)
	}
	for i := range locks {
		if s, ok := strangers[locks[i].relation]; ok {
			locks[i].is(s)
		}
	}
	return nil
}

// forget drops what is known of strangers that a statement may have changed.
func (r *recorder) forget(tag string, facts told) {
	if !r.triggers || len(facts.dropped)+len(facts.rewrites) > 0 || storageTags[tag] {
		clear(r.strangers)
	}
	for _, d := range facts.ddl {
		if d.class == pgClass {
			delete(r.strangers, d.oid)
		}
	}
}

func (l *seenLock) is(s stranger) {
	l.kind, l.schema, l.name, l.index = s.kind, s.schema, s.name, s.index
	l.counted = s.kind == "r" || s.kind == "m"
	if s.kind == "m" {
		l.counts = counts{scans: l.counts.scans}
	}
}

// holding is what a transaction holds: by relation and mode, the step that took it.
type holding map[schema.OID]map[devdb.LockMode]heldLock

// heldLock is a lock that a transaction keeps.
type heldLock struct {
	devdb.Lock
	made bool // on a relation that the transaction has made: nobody else can see it
}

// strongest gives the strongest lock held on a relation.
func (h holding) strongest(o schema.OID) (devdb.Lock, bool) {
	var best devdb.Lock
	for m, l := range h[o] {
		if m.Strength() > best.Mode.Strength() {
			best = l.Lock
		}
	}
	return best, best.Mode != ""
}

// list gives the strongest lock of each relation that others can see, sorted by name.
func (h holding) list() []devdb.Lock {
	var out []devdb.Lock
	for o, modes := range h {
		made := false
		for _, l := range modes {
			made = made || l.made
		}
		if l, ok := h.strongest(o); ok && !made {
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
			named, ok := nameLock(s, before, after)
			if !ok {
				continue
			}
			named.Step = step
			l = heldLock{named, madeBetween(before, after, s.relation, named.Table)}
		}
		if next[s.relation] == nil {
			next[s.relation] = map[devdb.LockMode]heldLock{}
		}
		next[s.relation][s.mode] = l
		if !had && l.Mode.Strength() > fresh[s.relation].Mode.Strength() {
			fresh[s.relation] = l.Lock
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

// madeBetween reports whether a relation, or the table that it belongs to, is
// new in the later of two catalogs.
func madeBetween(before, after *schema.Catalog, relation, table schema.OID) bool {
	if before == nil || after == nil {
		return false
	}
	isNew := func(o schema.OID) bool {
		return before.Relations[o] == nil && before.Indexes[o] == nil && (after.Relations[o] != nil || after.Indexes[o] != nil)
	}
	return isNew(relation) || isNew(table)
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
