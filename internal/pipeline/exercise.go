package pipeline

import (
	"context"
	"fmt"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/proof"
)

// Exercise uses what the new migrations of a record touch, on stages that set
// makes of the base that the record began with, and adds what came of it to the
// record. It must come after RecordAll.
func Exercise(ctx context.Context, set proof.Setter, r *devdb.Record) error {
	if r.Before == r.After {
		return nil
	}
	var err error
	if r.Exercise, err = proof.Exercise(ctx, set, r.Before, r.After, r.New); err != nil {
		return fmt.Errorf("using what the change touches: %w", err)
	}
	return nil
}
