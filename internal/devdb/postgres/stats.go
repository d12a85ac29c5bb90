package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/assaydb/assay/internal/stats"
)

// statsSettings are the settings that matter for how long things take and who waits.
const statsSettings = `'lock_timeout','statement_timeout','idle_in_transaction_session_timeout','transaction_timeout','deadlock_timeout',
'max_connections','maintenance_work_mem','max_parallel_maintenance_workers','max_wal_size','wal_level','max_standby_streaming_delay','hot_standby_feedback','autovacuum'`

// statsTables has a place for how sizes are read: each is given the OID and the
// number of pages that the last VACUUM or ANALYZE noted.
const statsTables = `
WITH columns AS (SELECT schemaname, tablename, inherited, json_agg(json_build_object('name', attname, 'null_fraction', null_frac, 'distinct', n_distinct, 'width', avg_width) ORDER BY attname) AS list
    FROM pg_catalog.pg_stats GROUP BY 1, 2, 3),
  indexes AS (SELECT i.relid, json_agg(json_build_object('name', i.indexrelname, 'bytes', %[1]s, 'scans', coalesce(i.idx_scan, 0)) ORDER BY i.indexrelname) AS list
    FROM pg_catalog.pg_stat_all_indexes i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid GROUP BY 1)
SELECT coalesce(json_agg(t), '[]') FROM (
  SELECT c.oid::bigint AS oid, n.nspname AS schema, c.relname AS name, c.reltuples::bigint AS rows, c.relpages::bigint AS pages, %[2]s AS heap, %[3]s AS bytes, %[4]s AS total_bytes,
    coalesce(s.n_tup_ins + s.n_tup_upd + s.n_tup_del, 0) AS writes, coalesce(s.seq_scan, 0) + coalesce(s.idx_scan, 0) AS scans,
    to_char(greatest(s.last_vacuum, s.last_autovacuum), 'YYYY-MM-DD') AS last_vacuum, p.list AS columns, i.list AS indexes,
    (SELECT sum(CASE WHEN a.attlen > 0 THEN a.attlen WHEN a.atttypid IN (1042, 1043) AND a.atttypmod > 4 THEN least((a.atttypmod - 3) / 2, 1000) ELSE 32 END)
      FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS width,
    c.relkind <> 'p' AND NOT has_table_privilege(c.oid, 'SELECT') AS blind,
    ARRAY(SELECT h.inhparent::bigint FROM pg_catalog.pg_inherits h WHERE h.inhrelid = c.oid) AS parents
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_catalog.pg_stat_all_tables s ON s.relid = c.oid
    LEFT JOIN columns p ON p.schemaname = n.nspname AND p.tablename = c.relname AND p.inherited = (c.relkind = 'p') LEFT JOIN indexes i ON i.relid = c.oid
  WHERE c.relkind IN ('r', 'm', 'p') AND n.nspname !~ '^pg_|^information_schema$' AND c.relpersistence <> 't'
  ORDER BY n.nspname, c.relname) t`

var (
	// Reading a file's size waits for whoever locks the relation.
	sizesOfFiles = []any{"pg_relation_size(x.oid)", "pg_relation_size(c.oid)", "pg_table_size(c.oid)", "pg_total_relation_size(c.oid)"}
	sizesNoted   = []any{"x.relpages::bigint * 8192", "greatest(c.relpages, 0)::bigint * 8192", "greatest(c.relpages, 0)::bigint * 8192", "greatest(c.relpages, 0)::bigint * 8192"}
)

// statsSequences counts how far a sequence has come in its own range, or in that
// of the smallest integer column that it feeds, if it would leave that earlier.
const statsSequences = `
SELECT coalesce(json_agg(json_build_object('schema', q.nspname, 'name', q.relname, 'type', CASE WHEN q.narrower THEN q.of ELSE format_type(q.seqtypid, NULL) END,
  'used', round(CASE WHEN q.seqincrement > 0 THEN (q.last - q.seqmin::numeric) / nullif(q.top - q.seqmin, 0) ELSE (q.seqmax::numeric - q.last) / nullif(q.seqmax - q.bottom, 0) END, 4))
  ORDER BY q.nspname, q.relname), '[]')
FROM (SELECT n.nspname, c.relname, s.*, l.last, f.of, least(s.seqmax, f.most)::numeric AS top, greatest(s.seqmin, -f.most - 1)::numeric AS bottom,
    CASE WHEN s.seqincrement > 0 THEN f.most < s.seqmax ELSE -f.most - 1 > s.seqmin END AS narrower
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN pg_catalog.pg_sequence s ON s.seqrelid = c.oid
    CROSS JOIN LATERAL (SELECT CASE WHEN (has_sequence_privilege(c.oid, 'SELECT') OR has_sequence_privilege(c.oid, 'USAGE')) AND (c.relpersistence = 'p' OR NOT pg_is_in_recovery())
      THEN pg_sequence_last_value(c.oid) END AS last) l
    LEFT JOIN LATERAL (SELECT format_type(a.atttypid, NULL) AS of, CASE a.atttypid WHEN 21 THEN 32767 WHEN 23 THEN 2147483647 ELSE 9223372036854775807 END::bigint AS most
      FROM pg_catalog.pg_attribute a WHERE a.atttypid IN (20, 21, 23) AND (a.attrelid, a.attnum) IN (
        SELECT d.refobjid, d.refobjsubid FROM pg_catalog.pg_depend d WHERE d.classid = 1259 AND d.objid = c.oid AND d.refclassid = 1259 AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
        UNION SELECT v.adrelid, v.adnum FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_attrdef v ON v.oid = d.objid WHERE d.classid = 2604 AND d.refclassid = 1259 AND d.refobjid = c.oid)
      ORDER BY most LIMIT 1) f ON true
  WHERE c.relkind = 'S' AND c.relpersistence <> 't') q
WHERE q.last IS NOT NULL AND (NOT q.seqcycle OR q.narrower)`

// Statistics reads production's statistics: in one snapshot, read-only, no
// values of any table. Membership in pg_monitor is enough; what it does not
// cover (pg_stats of tables that the role may not read) is named in Missing.
func Statistics(ctx context.Context, url string, now time.Time) (_ *stats.Stats, err error) {
	conf, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("reading --url: %w", err)
	}
	conf.RuntimeParams["application_name"] = "assay stats"
	conf.DefaultQueryExecMode = pgx.QueryExecModeExec // a pooler may know prepared statements of others
	p, stop := livePulse("database of --url")
	defer func() { err = stop(err) }()
	wired(conf, p)
	pooled := conf.Copy()
	fortify(conf, 0, false)
	conf.RuntimeParams["default_transaction_read_only"] = "on"
	for name := range ownTimeouts { // production's are read
		delete(conf.RuntimeParams, name)
	}
	c, err := dialPgx(ctx, conf)
	if refused := (*pgconn.PgError)(nil); errors.As(err, &refused) && refused.Code == "08P01" { // protocol_violation: PgBouncer takes no such parameters
		c, err = dialPgx(ctx, pooled)
	}
	if err != nil {
		return nil, fmt.Errorf("connecting to production: %w", err)
	}
	defer c.Close(context.WithoutCancel(ctx))
	tx, err := c.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return nil, fmt.Errorf("opening a snapshot: %w", err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // it has only read
	// Sizes take ACCESS SHARE for a moment: never queue for it.
	for _, set := range []string{
		"search_path = pg_catalog", "lock_timeout = '1s'", "statement_timeout = '5min'", "idle_in_transaction_session_timeout = '5min'",
		"timezone = 'UTC'", "datestyle = 'ISO, MDY'", "extra_float_digits = 1", "standard_conforming_strings = on", "role = none",
	} {
		if _, err := tx.Exec(ctx, "SET LOCAL "+set); err != nil {
			return nil, fmt.Errorf("setting up the snapshot: %w", err)
		}
	}
	s := &stats.Stats{Taken: now.UTC().Format(time.DateOnly), Source: "server"}
	return s, readStatistics(ctx, tx, s)
}

func readStatistics(ctx context.Context, tx pgx.Tx, s *stats.Stats) error {
	var user string
	var member bool
	if err := tx.QueryRow(ctx, "SELECT current_user, pg_has_role(current_user, 'pg_monitor', 'MEMBER')").Scan(&user, &member); err != nil {
		return fmt.Errorf("reading the role: %w", err)
	}
	if !member {
		return fmt.Errorf("role %q may not read the server's statistics: run GRANT pg_monitor TO %s as an administrator", user, quoted(user))
	}
	var settings []byte
	var own []string
	if err := tx.QueryRow(ctx, `SELECT split_part(current_setting('server_version'), ' ', 1), json_object_agg(name, reset_val || coalesce(unit, '') ORDER BY name) FILTER (WHERE NOT own),
		array_agg(name ORDER BY name) FILTER (WHERE own) FROM (SELECT s.*, EXISTS (SELECT FROM pg_db_role_setting x, unnest(x.setconfig) u WHERE x.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
		AND x.setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = session_user)) AND lower(split_part(u, '=', 1)) = s.name) AS own FROM pg_settings s WHERE s.name IN (`+statsSettings+`)) s`).Scan(&s.Server.Version, &settings, &own); err != nil {
		return fmt.Errorf("reading the settings: %w", err)
	}
	if len(own) > 0 {
		s.Missing = append(s.Missing, fmt.Sprintf("the server's %s: this role or database has its own (ALTER ROLE or ALTER DATABASE … SET)", strings.Join(own, ", ")))
	}
	if err := json.Unmarshal(settings, &s.Server.Settings); err != nil {
		return fmt.Errorf("reading the settings: %w", err)
	}
	var since float64
	if err := tx.QueryRow(ctx, `SELECT coalesce(extract(epoch FROM max(now() - xact_start))::bigint, 0) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'`).Scan(&s.LongestTransaction); err != nil {
		return fmt.Errorf("reading the open transactions: %w", err)
	}
	// Counters survive a clean restart and are lost in a crash, with those of the
	// server as a whole. From 15 on a database that was never reset has no date.
	if err := tx.QueryRow(ctx, `SELECT extract(epoch FROM now() - t)::float8, to_char(t AT TIME ZONE 'UTC', 'YYYY-MM-DD'), pg_is_in_recovery()
		FROM (SELECT coalesce(stats_reset, (SELECT least(b.stats_reset, a.stats_reset) FROM pg_stat_bgwriter b, pg_stat_archiver a), now()) AS t FROM pg_stat_database WHERE datname = current_database()) d`).Scan(&since, &s.CountersSince, &s.Server.Replica); err != nil {
		return fmt.Errorf("reading the counters' age: %w", err)
	}
	if s.Server.Replica {
		s.Missing = append(s.Missing, "writes, and scans on the primary: a replica counts its own alone")
	}
	if err := readTables(ctx, tx, s, since); err != nil {
		return err
	}
	var seqs []byte
	switch err := nested(ctx, tx, func(tx pgx.Tx) error { return tx.QueryRow(ctx, statsSequences).Scan(&seqs) }); {
	case locked(err):
		seqs = []byte("[]")
		s.Missing = append(s.Missing, "how far sequences are used up: one of them was locked")
	case err != nil:
		return fmt.Errorf("reading the sequences: %w", err)
	}
	var blind int
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE nspname !~ '^pg_|^information_schema$'
		AND CASE WHEN relkind = 'S' THEN NOT (has_sequence_privilege(c.oid, 'USAGE') OR has_sequence_privilege(c.oid, 'SELECT')) END`).Scan(&blind); err != nil {
		return fmt.Errorf("reading the sequences: %w", err)
	}
	if blind > 0 {
		s.Missing = append(s.Missing, fmt.Sprintf("how far sequences are used up (%d of them): that needs SELECT on them (pg_read_all_data)", blind))
	}
	return json.Unmarshal(seqs, &s.Sequences)
}

// ownTimeouts are the pins that would hide production's own settings.
var ownTimeouts = map[string]bool{"statement_timeout": true, "lock_timeout": true, "idle_in_transaction_session_timeout": true}

// nested runs f under a savepoint, so that the transaction goes on if it fails.
func nested(ctx context.Context, tx pgx.Tx, f func(pgx.Tx) error) error {
	point, err := tx.Begin(ctx)
	if err != nil {
		return err
	}
	if err := f(point); err != nil {
		return errors.Join(err, point.Rollback(ctx))
	}
	return point.Commit(ctx)
}

// locked reports whether an error says that a lock was not to be had in time.
func locked(err error) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && refused.Code == "55P03" // lock_not_available
}

// readTable is a table as the server gives it.
type readTable struct {
	stats.Table
	OID     uint32   `json:"oid"`
	Parents []uint32 `json:"parents"`
	Pages   int64    `json:"pages"` // that the number of rows is of
	Heap    int64    `json:"heap"`  // bytes, without TOAST
	Width   int64    `json:"width"` // of a row, as the types have it
	Writes  float64  `json:"writes"`
	Scans   float64  `json:"scans"`
	Blind   bool     `json:"blind"`
}

func readTables(ctx context.Context, tx pgx.Tx, s *stats.Stats, since float64) error {
	var data []byte
	read := func(sizes []any) error {
		return nested(ctx, tx, func(tx pgx.Tx) error { return tx.QueryRow(ctx, fmt.Sprintf(statsTables, sizes...)).Scan(&data) })
	}
	err := read(sizesOfFiles)
	one := locked(err)
	if one {
		err = read(sizesNoted)
	}
	if err != nil {
		return fmt.Errorf("reading the tables: %w", err)
	}
	var rows []*readTable
	if err := json.Unmarshal(data, &rows); err != nil {
		return errors.Join(errors.New("reading the tables"), err)
	}
	if one {
		if err := readSizes(ctx, tx, s, rows); err != nil {
			return err
		}
	}
	s.Tables = []*stats.Table{}
	blind := 0
	for _, r := range rows {
		t := &r.Table
		if since > 0 && s.CountersSince != s.Taken {
			t.Writes, t.Scans = rate(r.Writes, since), rate(r.Scans, since)
		}
		t.Rows, t.Guessed = scaled(r)
		if more := t.Bytes - r.Heap; more > r.Heap/50+128<<10 { // than the maps of free space and visibility
			t.Toast = more
		}
		for _, c := range t.Columns {
			c.Unique = c.LooksUnique()
			c.Nulls, c.Distinct = digits(c.Nulls, 3), digits(c.Distinct, 6)
		}
		if len(t.Columns) == 0 && t.Rows > 0 && r.Blind {
			blind++
		}
		s.Tables = append(s.Tables, t)
	}
	addParts(rows)
	if blind > 0 {
		s.Missing = append(s.Missing, fmt.Sprintf("pg_stats of %d of %d tables: null fractions and distinct values need SELECT on them (pg_read_all_data)", blind, len(rows)))
	}
	return nil
}

// readSizes asks for the sizes of one table after the other, and leaves those
// that are locked as the last VACUUM or ANALYZE has noted them.
func readSizes(ctx context.Context, tx pgx.Tx, s *stats.Stats, rows []*readTable) error {
	if _, err := tx.Exec(ctx, "SET LOCAL lock_timeout = '50ms'"); err != nil {
		return fmt.Errorf("reading the sizes: %w", err)
	}
	var noted []string
	for _, r := range rows {
		err := nested(ctx, tx, func(tx pgx.Tx) error {
			return tx.QueryRow(ctx, "SELECT pg_relation_size($1::oid), pg_table_size($1::oid), pg_total_relation_size($1::oid)", r.OID).Scan(&r.Heap, &r.Bytes, &r.TotalBytes)
		})
		if locked(err) {
			noted = append(noted, r.Schema+"."+r.Name)
			continue
		}
		if err != nil {
			return fmt.Errorf("reading the size of %s.%s: %w", r.Schema, r.Name, err)
		}
	}
	if len(noted) > 0 {
		s.Missing = append(s.Missing, fmt.Sprintf("the size of %s, which somebody had locked: it is that of the last VACUUM or ANALYZE", strings.Join(noted, ", ")))
	}
	return nil
}

// scaled is the number of rows as the planner estimates it: as many in a page as
// when the table was analyzed, in all the pages that there are now. Of a table
// that was not analyzed since it was filled it goes by the width of a row.
func scaled(r *readTable) (rows int64, guessed bool) {
	pages := r.Heap / 8192
	switch {
	case r.Pages < 0 || pages == r.Pages && r.Table.Rows >= 0 || pages == 0: // a partitioned table has no pages
		return r.Table.Rows, false
	case r.Table.Rows > 0 && (r.Pages >= 10 || pages < 10):
		return int64(digits(float64(r.Table.Rows)/float64(r.Pages)*float64(pages), 3)), false
	}
	width := r.Width
	if len(r.Columns) > 0 {
		width = 0
		for _, c := range r.Columns {
			width += int64(float64(c.Width) * (1 - c.Nulls))
		}
	}
	return int64(digits(float64(r.Heap/(stats.RowHeader+width)), 2)), true
}

// addParts sums up the partitions and child tables of each table.
func addParts(rows []*readTable) {
	heirs := map[uint32][]*readTable{}
	for _, r := range rows {
		for _, p := range r.Parents {
			heirs[p] = append(heirs[p], r)
		}
	}
	for _, r := range rows {
		seen := map[uint32]bool{}
		var sum stats.Parts
		for next := heirs[r.OID]; len(next) > 0; next = next[1:] {
			h := next[0]
			if seen[h.OID] {
				continue // inherits in two ways
			}
			seen[h.OID] = true
			sum.Tables, sum.Rows, sum.Bytes, sum.TotalBytes = sum.Tables+1, sum.Rows+max(0, h.Table.Rows), sum.Bytes+h.Bytes, sum.TotalBytes+h.TotalBytes
			next = append(slices.Clip(next), heirs[h.OID]...)
		}
		if sum.Tables > 0 {
			r.Table.Parts = &sum
		}
	}
}

// rate is a rate per second with two digits, so that the file does not change with every run.
func rate(n, seconds float64) float64 { return digits(n/seconds, 2) }

// digits leaves as many digits of a number as are asked for, and never makes 0 of one that is not.
func digits(f float64, n int) float64 {
	if f == 0 {
		return 0
	}
	r, err := strconv.ParseFloat(strconv.FormatFloat(f, 'g', n, 64), 64)
	if err != nil {
		return f // it is infinite
	}
	return r
}
