package proof

import (
	"context"
	"errors"

	"github.com/assaydb/assay/internal/schema"
)

// Filling says what rows Fill makes.
type Filling int

// The fillings, from the one that says most to the one that nothing refuses.
const (
	// FillAny: rows that the old schema takes, with NULLs where it allows them
	// and with the same value twice where nothing forbids it.
	FillAny Filling = iota
	// FillKept: the same, of those rows that the new schema takes too.
	FillKept
	// FillPlain: two rows with a value in every column, no two alike.
	FillPlain
	// FillOne: one row with a value in every column.
	FillOne
	// FillNone: no rows.
	FillNone
)

// Fill makes rows for tables of before, with what they refer to: the INSERT
// statements, in an order in which they can be run. A table for which no rows
// can be made is left out.
func Fill(ctx context.Context, lab Lab, before, after *schema.Catalog, tables []*schema.Relation, how Filling) ([]string, error) {
	if how == FillNone || len(tables) == 0 {
		return nil, nil
	}
	from, err := newBase(ctx, lab, before)
	if err != nil {
		return nil, err
	}
	if how != FillAny {
		from = from.strict(after, schema.Ref{})
	}
	fills := map[Filling][]int{FillAny: {1, 1, 2, 0}, FillKept: {1, 1, 2, 0}, FillPlain: {1, 2}, FillOne: {1}}[how]
	b := &builder{base: from, required: map[schema.Ref]bool{}, dodge: map[schema.OID]bool{}}
	for _, t := range tables {
		for i, fill := range fills {
			b.fill, b.only, b.offset = fill, t, 0
			if how == FillPlain {
				b.offset = 3 * i
			}
			made := len(b.rows)
			if _, err := b.add(ctx, t, want{}); err != nil {
				b.rows = b.rows[:made]
				var none *errNone
				if errors.Is(err, errImplied) || errors.As(err, &none) {
					continue
				}
				var refused *Refusal
				if errors.As(err, &refused) {
					continue
				}
				return nil, err
			}
		}
	}
	return b.inserts(), nil
}
