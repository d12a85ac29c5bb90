package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/assaydb/assay/internal/stats"
)

// statsSettings are the settings that matter for how long things take and who waits.
const statsSettings = `'lock_timeout','statement_timeout','idle_in_transaction_session_timeout','transaction_timeout','deadlock_timeout',
'max_connections','maintenance_work_mem','max_parallel_maintenance_workers','max_wal_size','wal_level','max_standby_streaming_delay','hot_standby_feedback','autovacuum'`

const statsTables = `
SELECT coalesce(json_agg(t), '[]') FROM (
  SELECT n.nspname AS schema, c.relname AS name, c.reltuples::bigint AS rows,
    coalesce(pg_table_size(c.oid), 0) AS bytes, coalesce(pg_total_relation_size(c.oid), 0) AS total_bytes,
    coalesce(s.n_tup_ins + s.n_tup_upd + s.n_tup_del, 0) AS writes, coalesce(s.seq_scan, 0) + coalesce(s.idx_scan, 0) AS scans,
    to_char(greatest(s.last_vacuum, s.last_autovacuum), 'YYYY-MM-DD') AS last_vacuum,
    (SELECT json_agg(json_build_object('name', p.attname, 'null_fraction', round(p.null_frac::numeric, 4), 'distinct', p.n_distinct, 'width', p.avg_width, 'looks_unique', p.n_distinct = -1) ORDER BY p.attname)
      FROM pg_catalog.pg_stats p WHERE p.schemaname = n.nspname AND p.tablename = c.relname AND NOT p.inherited) AS columns,
    (SELECT json_agg(json_build_object('name', i.indexrelname, 'bytes', pg_relation_size(i.indexrelid), 'scans', coalesce(i.idx_scan, 0)) ORDER BY i.indexrelname)
      FROM pg_catalog.pg_stat_all_indexes i WHERE i.relid = c.oid) AS indexes
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_catalog.pg_stat_all_tables s ON s.relid = c.oid
  WHERE c.relkind IN ('r', 'm', 'p') AND n.nspname !~ '^pg_|^information_schema$' AND c.relpersistence <> 't'
  ORDER BY 1, 2) t`

const statsSequences = `
SELECT coalesce(json_agg(json_build_object('schema', schemaname, 'name', sequencename, 'type', data_type::text,
  'used', round((CASE WHEN increment_by > 0 THEN (last_value - min_value)::numeric / nullif(max_value::numeric - min_value, 0) ELSE (max_value::numeric - last_value) / nullif(max_value::numeric - min_value, 0) END), 4))
  ORDER BY schemaname, sequencename), '[]')
FROM pg_catalog.pg_sequences WHERE last_value IS NOT NULL AND NOT cycle`

// Statistics reads production's statistics: in one snapshot, read-only, no
// values of any table. Membership in pg_monitor is enough; what it does not
// cover (pg_stats of tables that the role may not read) is named in Missing.
func Statistics(ctx context.Context, url string, now time.Time) (*stats.Stats, error) {
	conf, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("reading --url: %w", err)
	}
	conf.RuntimeParams["application_name"] = "assay stats"
	wired(conf, nil)
	fortify(conf, 0, false)
	conf.RuntimeParams["default_transaction_read_only"] = "on"
	c, err := dialPgx(ctx, conf)
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
	if _, err := tx.Exec(ctx, "SET LOCAL lock_timeout = '2s'; SET LOCAL statement_timeout = '5min'; SET LOCAL search_path = pg_catalog"); err != nil {
		return nil, fmt.Errorf("setting timeouts: %w", err)
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
	if err := tx.QueryRow(ctx, "SELECT split_part(current_setting('server_version'), ' ', 1), json_object_agg(name, reset_val || coalesce(unit, '') ORDER BY name) FROM pg_settings WHERE name IN ("+statsSettings+")").Scan(&s.Server.Version, &settings); err != nil {
		return fmt.Errorf("reading the settings: %w", err)
	}
	if err := json.Unmarshal(settings, &s.Server.Settings); err != nil {
		return fmt.Errorf("reading the settings: %w", err)
	}
	var since float64
	if err := tx.QueryRow(ctx, `SELECT coalesce(extract(epoch FROM max(now() - xact_start))::bigint, 0) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'`).Scan(&s.LongestTransaction); err != nil {
		return fmt.Errorf("reading the open transactions: %w", err)
	}
	if err := tx.QueryRow(ctx, `SELECT extract(epoch FROM now() - t)::float8, to_char(t AT TIME ZONE 'UTC', 'YYYY-MM-DD'), pg_is_in_recovery()
		FROM (SELECT coalesce(stats_reset, pg_postmaster_start_time()) AS t FROM pg_stat_database WHERE datname = current_database()) d`).Scan(&since, &s.CountersSince, &s.Server.Replica); err != nil {
		return fmt.Errorf("reading the counters' age: %w", err)
	}
	if s.Server.Replica {
		s.Missing = append(s.Missing, "writes, and scans on the primary: a replica counts its own alone")
	}
	if err := readTables(ctx, tx, s, since); err != nil {
		return err
	}
	var seqs []byte
	if err := tx.QueryRow(ctx, statsSequences).Scan(&seqs); err != nil {
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

func readTables(ctx context.Context, tx pgx.Tx, s *stats.Stats, since float64) error {
	var data []byte
	if err := tx.QueryRow(ctx, statsTables).Scan(&data); err != nil {
		return fmt.Errorf("reading the tables: %w", err)
	}
	var rows []struct {
		stats.Table
		Writes float64 `json:"writes"`
		Scans  float64 `json:"scans"`
	}
	if err := json.Unmarshal(data, &rows); err != nil {
		return errors.Join(errors.New("reading the tables"), err)
	}
	s.Tables = []*stats.Table{}
	blind := 0
	for i := range rows {
		t := rows[i].Table
		if since > 0 {
			t.Writes, t.Scans = rate(rows[i].Writes, since), rate(rows[i].Scans, since)
		}
		if len(t.Columns) == 0 && t.Rows > 0 {
			blind++
		}
		s.Tables = append(s.Tables, &t)
	}
	if blind > 0 {
		s.Missing = append(s.Missing, fmt.Sprintf("pg_stats of %d of %d tables: null fractions and distinct values need SELECT on them (pg_read_all_data)", blind, len(rows)))
	}
	return nil
}

// rate is a rate per second with two digits, so that the file does not change with every run.
func rate(n, seconds float64) float64 {
	r := n / seconds
	if r <= 0 {
		return 0
	}
	scale := math.Pow(10, 1-math.Floor(math.Log10(r)))
	return math.Round(r*scale) / scale
}
