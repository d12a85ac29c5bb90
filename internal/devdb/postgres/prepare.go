package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Prepared is what the server says of a query that it was asked to prepare.
type Prepared struct {
	Code, Error string   // empty if it can be run
	Columns     []Column // of its result
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
			out[i].Columns[j].Type = name
		}
	}
	return out, nil
}

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
			}
		}
		if _, err := p.GetResults(); err != nil { // the sync
			return nil, nil, errors.Join(err, p.Close())
		}
	}
	return out, oids, p.Close()
}
