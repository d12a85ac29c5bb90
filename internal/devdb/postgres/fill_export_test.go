package postgres

import (
	"context"
)

// FillForBenchmark fills a table of a new schema with rows.
func FillForBenchmark(ctx context.Context, d *DB, sql, table string, n int64) (int64, error) {
	c, err := d.ConnectAdmin(ctx)
	if err != nil {
		return 0, err
	}
	defer c.Close(ctx)
	if _, err := c.Exec(ctx, sql); err != nil {
		return 0, err
	}
	cat, err := d.Catalog(ctx)
	if err != nil {
		return 0, err
	}
	f, err := newFilling(cat, cat.RelationNamed("public", table), nil, nil, nil)
	if err != nil {
		return 0, err
	}
	_, err = f.fill(ctx, c, n)
	return n, err
}
