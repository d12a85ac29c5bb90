package proof

import "context"

// Asker answers queries about a database, and keeps nothing of them.
type Asker interface {
	// Query runs a query and gives its rows; nil is NULL. An error of the server
	// is a *Refusal.
	Query(ctx context.Context, sql string) ([][]*string, error)
}

// Stage is a database at one point of the change set, in which what the change
// touches is used. All that is done lies in one transaction until Reset.
type Stage interface {
	Asker
	// Do runs an act. What the server refuses is undone.
	Do(ctx context.Context, a Act) (*Did, error)
	// Reset rolls back everything.
	Reset(ctx context.Context) error
}

// Act is a statement to run.
type Act struct {
	Role string // that runs it; empty: the owner of the database
	Path string // search_path
	SQL  string
	Look string // a query of the owner's after it; empty: none
	Keep bool   // what it does stays until Reset
}

// Did is what came of an act.
type Did struct {
	Refused *Refusal
	Rows    [][]*string // of Look
}
