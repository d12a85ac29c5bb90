package integrations

import (
	"context"
	"time"

	"github.com/assaydb/assay/internal/lint"
)

// MaxInline is how many notes on lines a pull request gets. More would bury
// the conversation; the summary has all findings.
const MaxInline = 30

// Review is what is to be said about one pull request. The zero value of each
// switch says it in full.
type Review struct {
	Scope string // names what was linted: see Scope
	Run   int64  // orders the CI's runs, so that an older one does not overwrite a newer; 0: not known
	// Body is the summary in Markdown, without a marker. It is cut if it is
	// longer than the host allows; the report's writer should cut better.
	Body string
	More string // Markdown: where the whole report is, for a summary that was cut
	// Findings are the ones that may be shown on lines, suppressed ones left out.
	Findings []*lint.Finding
	// Source gives the text of a new migration, for suggestions; nil or "" means
	// that it is not known.
	Source func(path string) string
	Status *Status // nil: none

	NoSummary bool
	NoInline  bool
	// Always makes a summary even if there is nothing to say and nothing was
	// said before.
	Always bool

	Patience time.Duration                              // how long to wait for the host in all; 0: a minute
	Sleep    func(context.Context, time.Duration) error // nil: really sleeps
}

// Outcome says what was done.
type Outcome struct {
	URL                             string // of the summary comment
	Created, Updated, Removed, Kept int
	Inline                          int    // findings that are shown on lines now
	Left                            []Left // what was not done
	Superseded                      bool   // a newer run has spoken; the comments were left as they are
}

// Complete says whether everything was done.
func (o Outcome) Complete() bool { return len(o.Left) == 0 }
