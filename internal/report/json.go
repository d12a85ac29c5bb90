package report

import (
	"io"

	"github.com/assaydb/assay/internal/lint"
)

// writeJSON writes the wire format: the result itself.
func writeJSON(w io.Writer, r *lint.Result, _ Options) error {
	return lint.Encode(w, r)
}
