package pipeline

import (
	"context"
	"errors"
	"fmt"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

// Fixing tries mends before anybody is offered one.
type Fixing struct {
	// Offer gives the mend of a finding, nil if there is none.
	Offer func(*devdb.Record, *lint.Finding) *lint.Fix
	// Replay runs the new migrations with the mends applied and judges them. An
	// error is Unfit if they cannot be run at all, else the run's own.
	Replay func(context.Context, []*lint.Fix) (*devdb.Record, []*lint.Finding, error)
	// Most is how many are tried at most.
	Most int
}

// Unfit says that files with a fix applied cannot be read: it is no fix.
type Unfit struct{ Err error }

// Unwrap gives the reason.
func (u Unfit) Unwrap() error { return u.Err }

func (u Unfit) Error() string { return u.Err.Error() }

// Offers attaches to the findings of res those mends that hold: with one
// applied the migrations end in the same catalog, the finding is gone and
// nothing new is found. It gives the findings whose mend was tried in vain,
// with the reason, for whoever wants to know.
func Offers(ctx context.Context, rec *devdb.Record, res *lint.Result, fixing Fixing) (map[*lint.Finding]string, error) {
	vain := map[*lint.Finding]string{}
	tried := 0
	for _, f := range res.Findings {
		if f.Sensitive {
			continue
		}
		fix := fixing.Offer(rec, f)
		if fix == nil {
			continue
		}
		if tried++; tried > fixing.Most {
			break
		}
		why, err := holds(ctx, rec, res, f, fix, fixing)
		if err != nil {
			return vain, err
		}
		if why != "" {
			vain[f] = why
			continue
		}
		f.Fix = fix
	}
	return vain, nil
}

// holds tries a mend alone; it gives the reason why it does not hold, or "".
func holds(ctx context.Context, rec *devdb.Record, res *lint.Result, f *lint.Finding, fix *lint.Fix, fixing Fixing) (string, error) {
	after, found, err := fixing.Replay(ctx, []*lint.Fix{fix})
	var unfit Unfit
	if errors.As(err, &unfit) {
		return unfit.Error(), nil
	}
	if err != nil {
		return "", fmt.Errorf("trying the fix of %s at %s:%d: %w", f.ID, f.Path, f.Line, err)
	}
	return Compare(rec, after, res.Findings, found, []*lint.Finding{f}), nil
}

// Compare says why a mended change is no mend of the one that was found
// wanting: another catalog at the end, a finding that is still there, one that
// is new. Empty if it is one.
func Compare(before, after *devdb.Record, was, now, gone []*lint.Finding) string {
	if d := schema.Differences(before.After, after.After); len(d) > 0 {
		return fmt.Sprintf("the schema ends up different: %s", d[0])
	}
	type cause struct{ id, object string }
	count := map[cause]int{}
	for _, f := range was {
		count[cause{f.ID, f.Object}]++
	}
	for _, f := range gone {
		count[cause{f.ID, f.Object}]--
	}
	for _, f := range now {
		c := cause{f.ID, f.Object}
		if count[c]--; count[c] < 0 {
			return fmt.Sprintf("%s is found at %s:%d: %s", f.ID, f.Path, f.Line, f.Message)
		}
	}
	return ""
}
