// Package lint is the vocabulary of judgement: rules, findings and their
// evidence, and the result that every report is made from. The JSON encoding
// of Result is assay's wire format (docs/schemas/result.json).
package lint

import "github.com/assaydb/assay/internal/migration"

// Cut is a text of at most n characters, the last of which says that it goes on.
func Cut(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

// Severity says how much a finding matters.
type Severity string

// The severities, from harmless to grave.
const (
	Off     Severity = "off"
	Info    Severity = "info"
	Warning Severity = "warning"
	Error   Severity = "error"
)

// Rank orders severities: 0 for off, 3 for error.
func (s Severity) Rank() int {
	switch s {
	case Info:
		return 1
	case Warning:
		return 2
	case Error:
		return 3
	}
	return 0
}

// Confidence says how a finding was got.
type Confidence string

const (
	Proven   Confidence = "proven"   // a run failed or changed data
	Observed Confidence = "observed" // recorded on the dev database
	Inferred Confidence = "inferred" // from syntax or documentation
)

// Rule is the metadata of a check or of a policy rule.
type Rule struct {
	ID       string   // "LK101"
	Name     string   // "create-index"
	Title    string   // one clause: "building an index while blocking writes"
	Severity Severity // default
	Aliases  []string // names of other tools: "atlas:PG101", "squawk:require-concurrent-index-creation", "eugene:E6"
	Hazards  []string // ids of the hazard catalogue it tells: "A01"
	URL      string   // documentation page; filled in by the driver
	Help     string   // Markdown for reports that carry the documentation; filled in by the driver
	Optional bool     // off unless switched on (conventions)
	Policy   bool     // a rule of a Rego policy, not a built-in check
	Pack     string   // of a policy rule of the shipped library
	Weight   Weight   // how the size of a table weighs on its findings
	// Unsized is the severity while the size of the finding's tables is not known;
	// empty if the finding is as severe whatever the size.
	Unsized Severity
	// Covers are the rules whose findings its own say more exactly: theirs are left
	// out at the same statement about the same object and its parts, if its own is reported.
	Covers []string
	// CoversLater: theirs are left out about every object, and behind the statement in its transaction as well.
	CoversLater bool
	Once        bool // reported at the first place of a change only
	Whole       bool // about the change and not a statement: no comment leaves it out
}

// Weight is how the size of the tables weighs on the severity of a rule's findings.
type Weight string

// The weights. A rule without one is as severe on a small table as on a large one.
const (
	ByLock Weight = "lock" // a lock that is held while the table is worked through
	ByWait Weight = "wait" // a lock that is waited for: never worse for a large table
	ByRows Weight = "rows" // a demand on the rows
)

// Finding is one thing a reviewer should know.
type Finding struct {
	ID          string     `json:"id"`
	Name        string     `json:"name"`
	Severity    Severity   `json:"severity"`
	Confidence  Confidence `json:"confidence"`
	Path        string     `json:"path"`
	Line        int        `json:"line"`
	Column      int        `json:"column,omitempty"`
	EndLine     int        `json:"end_line"`
	EndColumn   int        `json:"end_column,omitempty"`
	Object      string     `json:"object"` // the main object: "public.orders"
	Message     string     `json:"message"`
	Evidence    []Evidence `json:"evidence"`
	Advice      string     `json:"advice,omitempty"` // what to do, for this statement with these names; may have several lines of SQL
	Fix         *Fix       `json:"fix,omitempty"`
	Fingerprint string     `json:"fingerprint"`
	URL         string     `json:"url"`

	// Migration and Statement locate the judged statement in the record:
	// index into Result.Migrations and its Statements, -1 if there is none.
	Migration int `json:"migration"`
	Statement int `json:"statement"`
	// Sensitive: no text, literal or data of the statement may be shown.
	Sensitive bool `json:"sensitive,omitempty"`
	// SizeUnknown: the severity depends on the size of tables that no statistics give.
	SizeUnknown bool `json:"size_unknown,omitempty"`
	// On is the table that the finding is about, where Object is something of that
	// table, or one of its partitions: what a rule covers is looked for there too.
	On string `json:"-"`
	// Enforced is "advisory", "overridable" or "mandatory" if the check or rule is enforced: the change itself cannot switch it off.
	Enforced string `json:"enforced,omitempty"`
	// Approval asks for somebody's approval instead of failing (policy rules).
	Approval *Approval `json:"approval,omitempty"`
}

// Approval is who must approve a finding: Count people, each of them the user,
// one of the users, or of the team or one of the teams. With none of those named
// nobody can: the owners must be completed first.
type Approval struct {
	Team   string   `json:"team,omitempty"`
	User   string   `json:"user,omitempty"`
	Teams  []string `json:"teams,omitempty"`
	Users  []string `json:"users,omitempty"`
	Count  int      `json:"count,omitempty"` // how many of them; 0 is 1
	Reason string   `json:"reason,omitempty"`
	// Anybody who may write to the project may give it.
	Anybody bool `json:"-"`
}

// Evidence is one recorded fact that a finding rests on.
type Evidence struct {
	Kind string `json:"kind"` // "lock", "held", "scan", "rewrite", "rows", "dropped", "error", "counterexample", "catalog", "syntax", "statistics", "query", "setting"
	// Text is one line for people: "ACCESS EXCLUSIVE on public.orders, held while statement 3 scans public.items".
	Text   string   `json:"text"`
	Object string   `json:"object,omitempty"`
	Mode   string   `json:"mode,omitempty"`
	Chain  []string `json:"chain,omitempty"` // of "dropped": from the named object to the one that fell
	SQL    string   `json:"sql,omitempty"`   // of "counterexample": rows
	Code   string   `json:"code,omitempty"`  // SQLSTATE
}

// Fix is a mechanical mend that was replayed before it was offered.
type Fix struct {
	Title string    `json:"title"`
	Edits []Edit    `json:"edits,omitempty"`
	Files []NewFile `json:"files,omitempty"`
	// Patch is the whole of it as a unified diff, for git apply.
	Patch string `json:"patch,omitempty"`
	// Restores: the fixed migration keeps or brings back what the other one fails
	// on or drops, so that it ends in another schema.
	Restores bool `json:"-"`
}

// Edit replaces a range of a file.
type Edit struct {
	Pos  migration.Position `json:"pos"`
	End  migration.Position `json:"end"`
	Text string             `json:"text"`
}

// NewFile is a file that a fix adds.
type NewFile struct {
	Path string `json:"path"`
	Text string `json:"text"`
}

// Suppressed is a finding that does not count, and why.
type Suppressed struct {
	*Finding
	By     string `json:"by"`               // "directive", "baseline", "config"
	Reason string `json:"reason,omitempty"` // the person's own words
	Where  string `json:"where,omitempty"`  // place of the directive or config entry: "a.sql:3"
	// OwnChange: the comment that asks for it is part of the change under review.
	OwnChange bool `json:"own_change,omitempty"`
	// Counts: it counts for the verdict all the same, as the author of the change
	// is not trusted; an approval takes that back.
	Counts bool `json:"counts,omitempty"`
}

// Result is one run's outcome, sorted and deterministic.
type Result struct {
	Version    string        `json:"version"` // of this format: "1"
	Tool       Tool          `json:"tool"`
	Database   Database      `json:"database"`
	Dir        string        `json:"dir"`
	Format     string        `json:"format"`
	Dirs       []string      `json:"dirs,omitempty"`   // the migrations directories, where there are several: then dir is "."
	Config     string        `json:"config,omitempty"` // the configuration file
	Against    string        `json:"against"`          // what was linted against what: "2 new migrations on a base of 214, PostgreSQL 17.10"
	Base       int           `json:"base"`             // number of replayed migrations
	Migrations []*Migration  `json:"migrations"`
	Findings   []*Finding    `json:"findings"`
	Suppressed []*Suppressed `json:"suppressed"`
	Notices    []Notice      `json:"notices,omitempty"` // things to say that are no findings
	// Failed are the policy rules that could not judge, one line each: the findings are not all there may be.
	Failed  []string   `json:"failed,omitempty"`
	Summary Summary    `json:"summary"`
	Rules   []RuleInfo `json:"rules,omitempty"` // those that have findings, for SARIF
	Diagram *Diagram   `json:"diagram,omitempty"`
}

// Tool names the program.
type Tool struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// Database names the server.
type Database struct {
	Version string `json:"version"` // "17.10"
	Source  string `json:"source"`
}

// Notice is something to say that is not a finding.
type Notice struct {
	Path string `json:"path,omitempty"`
	Line int    `json:"line,omitempty"`
	Text string `json:"text"`
}

// Summary counts the findings that are not suppressed.
type Summary struct {
	Errors     int `json:"errors"`
	Warnings   int `json:"warnings"`
	Infos      int `json:"infos"`
	Suppressed int `json:"suppressed"`
	Approvals  int `json:"approvals,omitempty"` // findings that wait for an approval
	// OwnErrors and OwnWarnings are suppressed by comments of the change itself.
	OwnErrors   int `json:"own_errors,omitempty"`
	OwnWarnings int `json:"own_warnings,omitempty"`
	NotJudged   int `json:"not_judged,omitempty"` // statements that could not be judged
}

// RuleInfo is a rule as reports show it.
type RuleInfo struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Title    string   `json:"title"`
	Severity Severity `json:"severity"`
	URL      string   `json:"url,omitempty"`
	Help     string   `json:"help,omitempty"` // Markdown
}

// Migration is a new migration in the wire format.
type Migration struct {
	Path       string       `json:"path"`
	Version    string       `json:"version,omitempty"`
	Name       string       `json:"name,omitempty"`
	TxMode     string       `json:"tx_mode"`
	Source     string       `json:"-"` // for excerpts; empty when sensitive
	Statements []*Statement `json:"statements"`
}

// Statement is a recorded statement in the wire format.
type Statement struct {
	Line          int        `json:"line"`
	Column        int        `json:"column"`
	EndLine       int        `json:"end_line"`
	EndColumn     int        `json:"end_column"`
	Path          string     `json:"path,omitempty"`      // only if included from another file
	Text          string     `json:"text,omitempty"`      // empty when sensitive
	TextCut       bool       `json:"text_cut,omitempty"`  // the text is the beginning of the statement
	Sensitive     bool       `json:"sensitive,omitempty"` // no text, literal or data of it may be shown
	Tag           string     `json:"tag"`
	InTransaction bool       `json:"in_transaction"`
	Transaction   int        `json:"transaction"` // numbers the migration's transactions
	Locks         []Lock     `json:"locks"`
	Held          []Lock     `json:"held"`
	Rewrites      []Rewrite  `json:"rewrites"`
	Scans         []Scan     `json:"scans"`
	Rows          []RowCount `json:"rows,omitempty"`
	Dropped       []Dropped  `json:"dropped"`
	Created       []string   `json:"created,omitempty"`
	Changes       []string   `json:"changes,omitempty"` // one clause each: "add column public.orders.total"
	Error         string     `json:"error,omitempty"`
	NotJudged     string     `json:"not_judged,omitempty"`  // why, of one that fails for an earlier one: "it needs what line 1 should have created"
	DurationMS    float64    `json:"duration_ms,omitempty"` // only with --timing
}

// Lock is a lock in the wire format.
type Lock struct {
	Object   string `json:"object"`
	Kind     string `json:"kind"`
	Mode     string `json:"mode"`
	New      bool   `json:"new,omitempty"`   // on a relation that this change makes
	Since    int    `json:"since,omitempty"` // of a held one: line of the statement that took it
	Inferred bool   `json:"inferred,omitempty"`
}

// Rewrite is a rewrite in the wire format.
type Rewrite struct {
	Object string `json:"object"`
	Kind   string `json:"kind"`
	Reason string `json:"reason,omitempty"`
	New    bool   `json:"new,omitempty"`
}

// Scan is a scan in the wire format.
type Scan struct {
	Object string `json:"object"`
	Count  int    `json:"count"`
	New    bool   `json:"new,omitempty"`
}

// RowCount is a row count in the wire format.
type RowCount struct {
	Object   string `json:"object"`
	Inserted int64  `json:"inserted,omitempty"`
	Updated  int64  `json:"updated,omitempty"`
	Deleted  int64  `json:"deleted,omitempty"`
}

// Dropped is a dropped object in the wire format.
type Dropped struct {
	Kind    string   `json:"kind"`
	Object  string   `json:"object"`
	Cascade bool     `json:"cascade,omitempty"`
	Via     []string `json:"via,omitempty"`
}

// Diagram is what the pictures of a report are drawn from: the tables that
// change with their neighbours, and the dependents that fall.
type Diagram struct {
	Tables []DiagramTable `json:"tables,omitempty"`
	Keys   []DiagramKey   `json:"keys,omitempty"`   // foreign keys between Tables
	Chains [][]string     `json:"chains,omitempty"` // dependents' chains: orders.total → v_orders → v_revenue
}

// DiagramTable is a table of the entity-relationship picture.
type DiagramTable struct {
	Name    string          `json:"name"`
	Change  string          `json:"change,omitempty"` // "added", "dropped", "changed", "" for a neighbour
	Columns []DiagramColumn `json:"columns,omitempty"`
}

// DiagramColumn is a column of it.
type DiagramColumn struct {
	Name   string `json:"name"`
	Type   string `json:"type"`
	Key    string `json:"key,omitempty"`    // "PK", "FK", "PK, FK"
	Change string `json:"change,omitempty"` // "added", "dropped", "changed"
}

// DiagramKey is a foreign key of it.
type DiagramKey struct {
	From   string `json:"from"`
	To     string `json:"to"`
	Name   string `json:"name"`
	Change string `json:"change,omitempty"`
}
