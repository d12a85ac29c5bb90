package report

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/assaydb/assay/internal/lint"
)

// unjudged is a statement that could not be judged.
type unjudged struct {
	suite string // the migration
	path  string // the file that it stands in
	*lint.Statement
}

// unjudgedOf are the statements of a result that could not be judged, in order.
func unjudgedOf(r *lint.Result) []unjudged {
	var out []unjudged
	for _, m := range r.Migrations {
		for _, s := range m.Statements {
			if s.NotJudged == "" {
				continue
			}
			u := unjudged{m.Path, m.Path, s}
			if s.Path != "" {
				u.path = s.Path
			}
			out = append(out, u)
		}
	}
	return out
}

func (u unjudged) message() string {
	return oneLine(fmt.Sprintf("%s is not judged: %s", u.Tag, u.NotJudged), 1000)
}

// fingerprint stays the same when lines before the statement come and go, unless
// the file has two of the same text and reason.
func (u unjudged) fingerprint(n int) string {
	sum := sha256.Sum256([]byte(fmt.Sprintf("not judged\x00%s\x00%s\x00%s\x00%d", u.path, u.Tag, u.Text, n)))
	return hex.EncodeToString(sum[:8])
}
