package pipeline

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
)

// TestOffersFailure: files that cannot be read are no fix; a server that is gone
// while a fix is tried ends the run, and does not make the fix disappear.
func TestOffersFailure(t *testing.T) {
	res := &lint.Result{Findings: []*lint.Finding{{ID: "LK101", Path: "m.sql", Line: 3}}}
	offers := func(err error) (map[*lint.Finding]string, error) {
		return Offers(context.Background(), &devdb.Record{}, res, Fixing{
			Offer:  func(*devdb.Record, *lint.Finding) *lint.Fix { return &lint.Fix{Title: "x"} },
			Replay: func(context.Context, []*lint.Fix) (*devdb.Record, []*lint.Finding, error) { return nil, nil, err },
			Most:   1,
		})
	}
	vain, err := offers(Unfit{errors.New("it would overwrite a file")})
	if err != nil || vain[res.Findings[0]] != "it would overwrite a file" {
		t.Errorf("%v, %v", vain, err)
	}
	if _, err := offers(errors.New("connection refused")); err == nil || !strings.Contains(err.Error(), "trying the fix of LK101 at m.sql:3: connection refused") {
		t.Errorf("%v", err)
	}
}
