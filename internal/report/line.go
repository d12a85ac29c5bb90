package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/assaydb/assay/internal/lint"
)

// writeLine writes a line for each finding, in the form that compilers print
// and editors read. Line and column are 1 where a finding has none.
func writeLine(w io.Writer, r *lint.Result, _ Options) error {
	var b strings.Builder
	for _, f := range r.Findings {
		line := fmt.Sprintf("%s:%d:%d: %s %s %s", oneLine(f.Path, longLine), max(f.Line, 1), max(f.Column, 1), f.Severity, oneLine(f.ID, 80), oneLine(f.Message, longMessage))
		b.WriteString(inert(line) + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}
