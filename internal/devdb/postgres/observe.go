package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/schema"
)

func pgError(code, message string) *pgconn.PgError {
	return &pgconn.PgError{Severity: "ERROR", Code: code, Message: message}
}

// quiet are the tags of statements that lock no relation and change no catalog.
// Nothing is asked after them: SET TRANSACTION may not follow a query.
var quiet = map[string]bool{"SET": true, "RESET": true, "SHOW": true, "LISTEN": true, "UNLISTEN": true, "NOTIFY": true,
	"DEALLOCATE": true, "DISCARD": true, "CLOSE CURSOR": true, "SET CONSTRAINTS": true}

// mayset are the tags after which the settings may be others.
var mayset = map[string]bool{"SET": true, "RESET": true, "DISCARD": true, "DO": true, "CALL": true, "SELECT": true}

// observe reads what the statement did, inside its transaction.
func (r *recorder) observe(ctx context.Context, step *devdb.Step) error {
	facts, settings := *r.told, step.Settings
	var err error
	if mayset[step.Tag] {
		if settings, err = r.show(ctx); err != nil {
			return err
		}
	}
	r.settings = settings
	if quiet[step.Tag] {
		return nil
	}
	var now []seenLock
	if step.Tag == "LOCK TABLE" && !r.snapshot {
		now, err = r.probeOutside(ctx)
	} else {
		r.snapshot = true
		now, err = r.count(ctx, step)
	}
	if err != nil {
		return err
	}
	if t := r.touched(step, facts, now); t.any() {
		if err := r.reread(ctx, t); err != nil {
			return err
		}
		if r.cat != step.Before && stale(schema.Diff(step.Before, r.cat)) {
			if err := r.readAll(ctx); err != nil {
				return err
			}
		}
	}
	step.After = r.cat
	step.Locks, r.held = r.held.take(now, step.Index, step.Before, step.After)
	r.judge(step, facts)
	return nil
}

// judge derives from catalogs and events what the step says.
func (r *recorder) judge(step *devdb.Step, facts told) {
	step.Changes = schema.Diff(step.Before, step.After)
	step.Rewrites = rewrites(step, facts)
	step.Created = facts.created()
	step.Dropped = dropped(step, facts, r.triggers)
	if !r.triggers {
		step.Created = createdBy(step)
	}
}

// stale reports whether a change alters how other objects print: a rename is in
// the text of every view, index and constraint that mentions the thing.
func stale(changes []schema.Change) bool {
	for _, c := range changes {
		switch c.(type) {
		case *schema.RenameSchema, *schema.RenameTable, *schema.MoveTable, *schema.RenameColumn, *schema.RenameType,
			*schema.RenameFunction, *schema.RenameEnumValue, *schema.RenameConstraint:
			return true
		}
	}
	return false
}

// probe asks the traced backend itself.
func (r *recorder) probe(ctx context.Context) (int64, []seenLock, error) {
	text, err := query(ctx, r.conn, "SELECT "+r.functions+".assay_recorder_probe(false)")
	if err != nil {
		return 0, nil, fmt.Errorf("reading the locks: %w", err)
	}
	return parseProbe([]byte(text))
}

// countAll reads every counter, outside a transaction, and gives what was
// counted since they were last read.
func (r *recorder) countAll(ctx context.Context, before *schema.Catalog) (*devdb.Step, error) {
	text, err := query(ctx, r.conn, "SELECT "+r.functions+".assay_recorder_probe(true)")
	if err != nil {
		return nil, fmt.Errorf("reading the counters: %w", err)
	}
	canary, now, err := parseProbe([]byte(text))
	if err != nil {
		return nil, err
	}
	r.uncounted = false
	step := &devdb.Step{Before: before}
	r.difference(step, canary, now)
	return step, nil
}

// count probes and notes scans and rows written since the last probe.
func (r *recorder) count(ctx context.Context, step *devdb.Step) ([]seenLock, error) {
	canary, now, err := r.probe(ctx)
	if err != nil {
		return nil, err
	}
	r.difference(step, canary, now)
	return now, nil
}

// difference notes in the step what the counters have gone up by.
func (r *recorder) difference(step *devdb.Step, canary int64, now []seenLock) {
	if canary != r.canary {
		clear(r.counts) // the server has reported, the counters began anew
	}
	r.canary = canary + 1
	done := map[schema.OID]bool{}
	for _, l := range now {
		if !l.counted || done[l.relation] {
			continue
		}
		done[l.relation] = true
		was := r.counts[l.relation]
		r.counts[l.relation] = l.counts
		if was == l.counts {
			continue
		}
		named, ok := nameLock(l, step.Before, nil)
		if !ok {
			continue
		}
		if n := l.counts.scans - was.scans; n > 0 {
			step.Scans = append(step.Scans, devdb.Scan{Relation: l.relation, Object: named.Object, Count: int(n)})
		}
		rows := devdb.RowCount{Relation: l.relation, Object: named.Object, Inserted: l.counts.inserted - was.inserted,
			Updated: l.counts.updated - was.updated, Deleted: l.counts.deleted - was.deleted}
		if rows.Inserted > 0 || rows.Updated > 0 || rows.Deleted > 0 {
			step.Rows = append(step.Rows, rows)
		}
	}
	sortCounts(step)
}

// probeOutside reads the locks from the admin's connection, which leaves the
// traced transaction without a snapshot.
func (r *recorder) probeOutside(ctx context.Context) ([]seenLock, error) {
	obs, err := r.observer(ctx)
	if err != nil {
		return nil, err
	}
	text, err := query(ctx, obs, fmt.Sprintf(outsideSQL, r.conn.PID()))
	if err != nil {
		return nil, fmt.Errorf("reading the locks from outside: %w", err)
	}
	_, now, err := parseProbe([]byte(text))
	return now, err
}

// outsideSQL counts locks that are waited for as taken: they are about to be.
const outsideSQL = `SELECT pg_catalog.json_build_object('locks', pg_catalog.json_agg(pg_catalog.json_build_array(l.relation, l.mode, c.relkind, n.nspname, c.relname, i.indrelid, c.relfilenode, NULL)))
FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_class c ON c.oid = l.relation
LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = l.relation
WHERE l.pid = %d AND l.locktype = 'relation' AND l.relation >= 16384`

// touch is what must be read again.
type touch struct {
	rels, types, procs, cons, trigs, pols, rules map[schema.OID]bool
	small, all                                   bool
}

func (t *touch) any() bool {
	return t.all || t.small || len(t.rels)+len(t.types)+len(t.procs)+len(t.cons)+len(t.trigs)+len(t.pols)+len(t.rules) > 0
}

// touched works out what a statement may have changed: what the event triggers
// told, and the relations it locked in a mode that DDL takes.
func (r *recorder) touched(step *devdb.Step, facts told, now []seenLock) *touch {
	t := &touch{rels: map[schema.OID]bool{}, types: map[schema.OID]bool{}, procs: map[schema.OID]bool{}, cons: map[schema.OID]bool{},
		trigs: map[schema.OID]bool{}, pols: map[schema.OID]bool{}, rules: map[schema.OID]bool{}}
	for _, d := range facts.ddl {
		t.told(d.class, d.oid, d.tag)
	}
	for _, d := range facts.dropped {
		t.gone(step.Before, d)
	}
	for o := range facts.rewrites {
		t.rels[o] = true
	}
	if step.Tag == "LOCK TABLE" {
		return t
	}
	again := storageTags[step.Tag]
	for _, l := range now {
		_, had := r.held[l.relation][l.mode]
		if l.mode.Strength() >= devdb.ShareUpdateExclusive.Strength() && (!had || again || r.moved(l)) {
			t.rels[l.relation] = true
		}
	}
	if wideTags[step.Tag] || !r.triggers && !plainTags[step.Tag] {
		t.all = true
	}
	return t
}

// moved reports whether a relation lies elsewhere than the catalog has it
// (TRUNCATE in a DO block of a table that was locked before).
func (r *recorder) moved(l seenLock) bool {
	if i := r.cat.Indexes[l.relation]; i != nil {
		return l.filenode != 0 && i.FileNode != l.filenode
	}
	if t := r.cat.Relations[l.relation]; t != nil {
		return l.filenode != 0 && t.FileNode != l.filenode
	}
	return false
}

// storageTags change storage without an event for each relation.
var storageTags = map[string]bool{"TRUNCATE TABLE": true, "CLUSTER": true, "REINDEX": true, "VACUUM": true, "REFRESH MATERIALIZED VIEW": true}

// wideTags change objects that no event names: grants, owners, role names.
var wideTags = map[string]bool{"ALTER ROLE": true, "DROP ROLE": true, "REASSIGN OWNED": true, "DROP OWNED": true,
	"ALTER DEFAULT PRIVILEGES": true, "ALTER TABLESPACE": true, "CREATE EVENT TRIGGER": true, "ALTER EVENT TRIGGER": true, "DROP EVENT TRIGGER": true}

// plainTags change no catalog when there are no event triggers to tell.
var plainTags = map[string]bool{"INSERT": true, "UPDATE": true, "DELETE": true, "MERGE": true, "COPY": true, "LOCK TABLE": true, "EXPLAIN": true, "ANALYZE": true}

// told marks an object that ddl_command_end named.
func (t *touch) told(class, oid schema.OID, tag string) {
	switch class {
	case pgClass:
		t.rels[oid] = true
	case pgType:
		t.types[oid] = true
	case pgProc:
		t.procs[oid] = true
	case pgConstraint:
		t.cons[oid] = true
	case pgTrigger:
		t.trigs[oid] = true
	case pgPolicy:
		t.pols[oid] = true
	case pgRewrite:
		t.rules[oid] = true
	case pgNamespace, pgExtension, pgPub, pgPubRel, pgPubNS, pgEventTrig:
		t.small = true
	default:
		// GRANT and REVOKE name no object; of the others an ALTER may rename
		// what other objects' definitions mention. Statistics objects have a
		// table, which only the whole tells.
		if class == 0 || class == pgStatExt || strings.HasPrefix(tag, "ALTER") {
			t.all = true
		}
	}
	if strings.HasSuffix(tag, "EXTENSION") || tag == "IMPORT FOREIGN SCHEMA" {
		t.all = true
	}
}

// gone marks what an object that sql_drop named belonged to.
func (t *touch) gone(c *schema.Catalog, d toldDrop) {
	switch d.class {
	case pgClass:
		t.rels[d.oid] = true
		if i := c.Indexes[d.oid]; i != nil {
			t.rels[i.Table] = true
		}
	case pgType:
		if c.Types[d.oid] != nil {
			t.types[d.oid] = true
		}
	case pgProc:
		t.procs[d.oid] = true
	case pgConstraint:
		if k := c.Constraints[d.oid]; k != nil {
			t.mark(k.Table, k.Domain)
		}
	case pgTrigger:
		if g := c.Triggers[d.oid]; g != nil {
			t.rels[g.Table] = true
		}
	case pgPolicy:
		if p := c.Policies[d.oid]; p != nil {
			t.rels[p.Table] = true
		}
	case pgRewrite:
		if w := c.Rules[d.oid]; w != nil {
			t.rels[w.Table] = true
		}
	case pgStatExt:
		if x := c.Statistics[d.oid]; x != nil {
			t.rels[x.Table] = true
		}
	case pgAttrdef:
		t.defaults(c, d.oid, d.name)
	case pgNamespace, pgExtension, pgPub, pgPubRel, pgPubNS, pgEventTrig:
		t.small = true
	}
}

func (t *touch) mark(table, domain schema.OID) {
	if table != 0 {
		t.rels[table] = true
	}
	if domain != 0 {
		t.types[domain] = true
	}
}

// defaults marks the table of a default by the words "for s.t.c": the catalog
// does not keep the OIDs of defaults.
func (t *touch) defaults(c *schema.Catalog, _ schema.OID, name string) {
	_, name, _ = strings.Cut(name, "for ")
	for o, r := range c.Relations {
		if strings.HasPrefix(strings.ReplaceAll(name, `"`, ""), r.QualifiedName()+".") {
			t.rels[o] = true
		}
	}
}

// reread reads again what was touched.
func (r *recorder) reread(ctx context.Context, t *touch) error {
	if t.all {
		return r.readAll(ctx)
	}
	// A partition or child that leaves its parent is among neither's children then.
	for o, rel := range r.cat.Relations {
		if t.rels[rel.PartitionOf] && rel.PartitionOf != 0 {
			t.rels[o] = true
		}
		for _, p := range rel.Inherits {
			if t.rels[p] {
				t.rels[o] = true
			}
		}
		// A sequence that a column owns comes and goes with it.
		if rel.OwnedBy.OID != 0 && t.rels[rel.OwnedBy.OID] {
			t.rels[o] = true
		}
	}
	text, err := query(ctx, r.conn, fmt.Sprintf("SELECT %s.assay_recorder_some(%s, %s, %s, %s, %s, %s, %s, %t)", r.functions,
		array(t.rels), array(t.types), array(t.procs), array(t.cons), array(t.trigs), array(t.pols), array(t.rules), t.small))
	if err != nil {
		return fmt.Errorf("reading the catalog: %w", err)
	}
	return r.take(text, false)
}

// readAll reads the whole catalog.
func (r *recorder) readAll(ctx context.Context) error {
	text, err := query(ctx, r.conn, "SELECT "+r.functions+".assay_recorder_all('{}', '{}', '{}', '{}', '{}', '{}', '{}', true)")
	if err != nil {
		return fmt.Errorf("reading the catalog: %w", err)
	}
	return r.take(text, true)
}

func (r *recorder) take(text string, all bool) error {
	got, err := parseReading([]byte(text), all)
	if err != nil {
		return err
	}
	old := r.cat
	if old == nil {
		old = schema.New()
	}
	r.cat = got.merge(old)
	return nil
}

func array(m map[schema.OID]bool) string {
	var b strings.Builder
	b.WriteString("'{")
	first := true
	for o := range m {
		if o == 0 {
			continue
		}
		if !first {
			b.WriteByte(',')
		}
		first = false
		fmt.Fprint(&b, uint32(o))
	}
	b.WriteString("}'")
	return b.String()
}

// forgetTemporary looks again at temporary relations: they may have gone with
// the transaction or the session before.
func (r *recorder) forgetTemporary(ctx context.Context) error {
	t := &touch{rels: map[schema.OID]bool{}}
	for o, rel := range r.cat.Relations {
		if rel.Persistence == "temporary" {
			t.rels[o] = true
		}
	}
	if !t.any() {
		return nil
	}
	return r.reread(ctx, t)
}
