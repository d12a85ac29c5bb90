package postgres

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Prepared is what the server says of a query that it was asked to prepare.
type Prepared struct {
	Code, Error string   // empty if it can be run
	Planned     bool     // the error is the planner's, which looks for what an ON CONFLICT names
	Columns     []Column // of its result
	Params      []string // their types
}

// Column is a column of a query's result.
type Column struct{ Name, Type string }

// together is how many queries are sent before the answers are read: few
// enough that neither side's buffer fills up.
const together = 50

// Prepare asks the server to prepare each query, as the migrations' role on a
// new connection. Nothing is run.
func (d *DB) Prepare(ctx context.Context, queries []string) ([]Prepared, error) {
	c, err := d.ConnectOwner(ctx)
	if err != nil {
		return nil, fmt.Errorf("connecting to prepare queries: %w", err)
	}
	defer c.Close(context.WithoutCancel(ctx))
	out := make([]Prepared, 0, len(queries))
	types := map[uint32]string{}
	var oids [][]uint32
	for len(out) < len(queries) {
		part := queries[len(out):min(len(out)+together, len(queries))]
		got, part2, err := prepareSome(ctx, c, part)
		if err != nil {
			return nil, fmt.Errorf("preparing queries: %w", err)
		}
		out, oids = append(out, got...), append(oids, part2...)
	}
	for i := range out {
		for j, oid := range oids[i] {
			name, ok := types[oid]
			if !ok {
				if err := c.QueryRow(ctx, "SELECT format_type($1, NULL)", oid).Scan(&name); err != nil {
					return nil, fmt.Errorf("naming the types of queries: %w", err)
				}
				types[oid] = name
			}
			if n := len(out[i].Columns); j < n {
				out[i].Columns[j].Type = name
			} else {
				out[i].Params = append(out[i].Params, name)
			}
		}
	}
	return out, plan(ctx, c.PgConn(), queries, out)
}

// plan has the server plan the queries that an index may be missing for: it is
// looked for then, and not when they are prepared. Nothing is run.
func plan(ctx context.Context, c *pgconn.PgConn, queries []string, out []Prepared) error {
	for i, q := range queries {
		if out[i].Error != "" || !conflicts.MatchString(q) {
			continue
		}
		args := ""
		if n := len(out[i].Params); n > 0 {
			args = "(" + strings.TrimSuffix(strings.Repeat("NULL, ", n), ", ") + ")"
		}
		_, err := c.Exec(ctx, "SET plan_cache_mode = force_generic_plan; PREPARE assay_plan AS "+q).ReadAll()
		if err == nil {
			_, err = c.Exec(ctx, "EXPLAIN EXECUTE assay_plan"+args).ReadAll()
		}
		var refused *pgconn.PgError
		if errors.As(err, &refused) && !c.IsClosed() {
			out[i].Code, out[i].Error, out[i].Planned = refused.Code, refused.Message, true
		} else if err != nil {
			return fmt.Errorf("planning queries: %w", err)
		}
		if _, err := c.Exec(ctx, "DEALLOCATE ALL; RESET plan_cache_mode").ReadAll(); err != nil {
			return fmt.Errorf("planning queries: %w", err)
		}
	}
	return nil
}

var conflicts = regexp.MustCompile(`(?i)\bON\s+CONFLICT\b`)

func prepareSome(ctx context.Context, c *pgx.Conn, queries []string) ([]Prepared, [][]uint32, error) {
	p := c.PgConn().StartPipeline(ctx)
	for _, q := range queries {
		p.SendPrepare("", q, nil)
		p.SendPipelineSync() // an error ends with its own query
	}
	if err := p.Flush(); err != nil {
		return nil, nil, errors.Join(err, p.Close())
	}
	out := make([]Prepared, len(queries))
	oids := make([][]uint32, len(queries))
	for i := range queries {
		r, err := p.GetResults()
		var refused *pgconn.PgError
		switch {
		case errors.As(err, &refused):
			out[i].Code, out[i].Error = refused.Code, refused.Message
		case err != nil:
			return nil, nil, errors.Join(err, p.Close())
		default:
			if s, ok := r.(*pgconn.StatementDescription); ok {
				for _, f := range s.Fields {
					out[i].Columns = append(out[i].Columns, Column{Name: f.Name})
					oids[i] = append(oids[i], f.DataTypeOID)
				}
				oids[i] = append(oids[i], s.ParamOIDs...)
			}
		}
		if _, err := p.GetResults(); err != nil { // the sync
			return nil, nil, errors.Join(err, p.Close())
		}
	}
	return out, oids, p.Close()
}
