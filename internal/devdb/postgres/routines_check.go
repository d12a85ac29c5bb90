package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/schema"
)

// checkerSchema is where plpgsql_check is while it is asked; nobody else sees it.
const checkerSchema = "assay_plpgsql_check"

// checked asks plpgsql_check, on a server that has it, about the routines in
// which nothing was found so far. It follows variables and records through the
// body, which the statements by themselves do not show. The extension is made
// by the admin and asked by the owner of the database: to plan a statement may
// run functions of the migrations.
func (d *DB) checked(ctx context.Context, routines []*routine, found []devdb.BrokenRoutine) (_ []devdb.BrokenRoutine, err error) {
	r := d.recorder()
	routines = slices.DeleteFunc(slices.Clone(routines), func(x *routine) bool {
		return x.Language != "plpgsql" || x.Trigger && len(x.Tables) == 0 || generic.MatchString(x.Definition) ||
			slices.ContainsFunc(found, func(b devdb.BrokenRoutine) bool { return b.Function == x.OID })
	})
	if len(routines) == 0 || !d.server.super || d.server.without || r.conn.TxStatus() != 'I' {
		return found, nil
	}
	c, err := d.ConnectAdmin(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Close(context.WithoutCancel(ctx))
	if in, err := d.giveChecker(ctx, c); err != nil || !in {
		return found, err
	}
	defer func() {
		if _, e := c.Exec(context.WithoutCancel(ctx), "DROP SCHEMA "+checkerSchema+" CASCADE"); err == nil && e != nil {
			err = fmt.Errorf("taking plpgsql_check away: %w", e)
		}
	}()
	for _, x := range routines {
		for i, table := range x.relations() {
			more, err := r.check(ctx, x, table)
			if err != nil {
				return nil, err
			}
			if found = append(found, more...); len(more) > 0 && i == 0 {
				break
			}
		}
	}
	return found, nil
}

// relations are the tables that fire a trigger function; 0 for other routines.
func (x *routine) relations() []schema.OID {
	if !x.Trigger {
		return []schema.OID{0}
	}
	var out []schema.OID
	for _, t := range x.Tables {
		out = append(out, t.OID)
	}
	return out
}

// giveChecker makes the extension, if the server has it and the database not.
func (d *DB) giveChecker(ctx context.Context, c *pgx.Conn) (bool, error) {
	var there, has bool
	err := c.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_catalog.pg_available_extensions WHERE name OPERATOR(pg_catalog.=) 'plpgsql_check'),
 EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname OPERATOR(pg_catalog.=) 'plpgsql_check')`).Scan(&there, &has)
	if err != nil {
		return false, fmt.Errorf("looking for plpgsql_check: %w", err)
	}
	if !there {
		d.server.without = true
	}
	if !there || has { // a project that has it checks by itself, and its own is not to be touched
		return false, nil
	}
	// Event triggers are for what migrations do.
	sql := fmt.Sprintf("SET session_replication_role = replica; CREATE SCHEMA %[1]s; CREATE EXTENSION plpgsql_check SCHEMA %[1]s; GRANT USAGE ON SCHEMA %[1]s TO %[2]s",
		checkerSchema, pgx.Identifier{d.owner.User}.Sanitize())
	if _, err := c.Exec(ctx, sql); err != nil {
		return false, fmt.Errorf("making plpgsql_check: %w", err)
	}
	return true, nil
}

// check asks about one routine, for one of its tables. That the extension
// cannot read a routine says nothing of it.
func (r *recorder) check(ctx context.Context, x *routine, table schema.OID) ([]devdb.BrokenRoutine, error) {
	path := r.base.SearchPath
	if x.Path != nil {
		path = *x.Path
	}
	text, err := query(ctx, r.conn, fmt.Sprintf(`BEGIN; SELECT pg_catalog.set_config('search_path', %s, true);
SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('line', lineno, 'statement', coalesce(query, statement), 'code', sqlstate, 'message', message)), '[]')
 FROM %s.plpgsql_check_function_tb(%d::pg_catalog.regprocedure, %d::pg_catalog.oid::pg_catalog.regclass, fatal_errors => false, other_warnings => false, extra_warnings => false) WHERE level = 'error'`,
		literal(path), checkerSchema, x.OID, table))
	if e := r.command(context.WithoutCancel(ctx), "ROLLBACK"); e != nil {
		return nil, e
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, nil //nolint:nilerr // it cannot be asked of this one: our own look is left
	}
	var said []struct {
		Line                     int
		Statement, Code, Message string
	}
	if err := json.Unmarshal([]byte(text), &said); err != nil {
		return nil, fmt.Errorf("reading what plpgsql_check says: %w", err)
	}
	var out []devdb.BrokenRoutine
	for _, s := range said {
		if !undefined(answer{s.Code, s.Message}) || x.makes(s.Message) {
			continue
		}
		out = append(out, devdb.BrokenRoutine{Function: x.OID, Table: table, Line: s.Line, Statement: strings.TrimSpace(s.Statement), Code: s.Code, Message: s.Message})
	}
	return out, nil
}
