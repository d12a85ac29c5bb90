package policy

// InputVersion is the version of the input document's shape. Fields are added
// without notice; it changes when one is renamed, removed or means another thing.
const InputVersion = "1"

// Input is what rules see as input: one change set, or one migration of it for
// rules with "custom.per: migration". Lists are always there and sorted; an
// optional object that does not exist is left out, so that "not x.primary_key"
// holds.
type Input struct {
	Version    string         `json:"version" jsonschema_description:"Version of this document's shape."`
	Database   Database       `json:"database" jsonschema_description:"The server that the migrations were run on."`
	Before     *Catalog       `json:"before" jsonschema_description:"The whole catalog before the first new statement."`
	After      *Catalog       `json:"after" jsonschema_description:"The whole catalog after the last new statement."`
	Added      []string       `json:"added" jsonschema_description:"Names of the objects, columns included, that are in after and not in before. A renamed object is not added."`
	Dropped    []string       `json:"dropped" jsonschema_description:"Names of the objects, columns included, that are in before and not in after."`
	Renamed    []*Renamed     `json:"renamed" jsonschema_description:"Names that tables and columns have or had during the change, with what they were called before it."`
	Migrations []*Migration   `json:"migrations" jsonschema_description:"The new migrations, in order."`
	Edited     []*Edited      `json:"edited" jsonschema_description:"Merged migrations that the change edits, deletes or renames."`
	Statements []*Statement   `json:"statements" jsonschema_description:"The new statements with what each one did, in order."`
	Changes    []*Change      `json:"changes" jsonschema_description:"What the statements changed in the catalog, in order."`
	Writes     []*Write       `json:"writes" jsonschema_description:"Tables whose rows the statements may change, also inside DO blocks, functions and WITH."`
	Evidence   Evidence       `json:"evidence" jsonschema_description:"What the server did, over all statements."`
	Findings   []*Finding     `json:"findings" jsonschema_description:"Findings of the built-in checks."`
	Stats      *Stats         `json:"stats" jsonschema_description:"Statistics of the production database; empty lists if there are none."`
	Context    *Context       `json:"context" jsonschema_description:"The pull request, or what is known of it."`
	Owners     []*Owner       `json:"owners" jsonschema_description:"Who owns which objects; the last pattern that matches counts."`
	Params     map[string]any `json:"params" jsonschema_description:"Parameters of each rule, by rule id."`

	span *span // what before and after were made from; nil if the document came from elsewhere
}

// Renamed is a name that an object of before got in the change.
type Renamed struct {
	Object string `json:"object" jsonschema_description:"The new name: public.people, public.people.mail."`
	Was    string `json:"was" jsonschema_description:"The name before the change: public.users."`
}

// Database is the server that the facts come from.
type Database struct {
	Version string `json:"version" jsonschema_description:"As the server writes it: 17.10."`
	Major   int    `json:"major"`
}

// Location is a place in a file of the project.
type Location struct {
	Path      string `json:"path"`
	Line      int    `json:"line"`
	Column    int    `json:"column"`
	EndLine   int    `json:"end_line"`
	EndColumn int    `json:"end_column"`
}

// Migration is a new migration.
type Migration struct {
	Path        string    `json:"path"`
	Version     string    `json:"version" jsonschema_description:"As the migration tool sees it."`
	Name        string    `json:"name"`
	Format      string    `json:"format"`
	Transaction string    `json:"transaction" jsonschema_description:"How the tool runs the file: file, implicit, none or all." jsonschema:"enum=file,enum=implicit,enum=none,enum=all"`
	Repeatable  bool      `json:"repeatable"`
	Header      string    `json:"header" jsonschema_description:"The comment that the file begins with, without its dashes and stars."`
	HasDown     bool      `json:"has_down" jsonschema_description:"There is a down migration."`
	OutOfOrder  string    `json:"out_of_order" jsonschema_description:"The newest merged migration that sorts after this one."`
	Statements  int       `json:"statements" jsonschema_description:"How many of its statements were run."`
	Error       string    `json:"error" jsonschema_description:"The server's message if a statement failed."`
	Location    *Location `json:"location"`
}

// Edited is a merged migration that the change touches.
type Edited struct {
	Path    string `json:"path"`
	OldPath string `json:"old_path"`
	Kind    string `json:"kind" jsonschema_description:"edited, deleted or renamed." jsonschema:"enum=edited,enum=deleted,enum=renamed"`
	Line    int    `json:"line"`
}

// Statement is one new statement and what it did.
type Statement struct {
	Index           int               `json:"index" jsonschema_description:"Number in the migration, from 0."`
	Migration       string            `json:"migration" jsonschema_description:"Path of the migration."`
	Text            string            `json:"text"`
	Tag             string            `json:"tag" jsonschema_description:"Command tag: ALTER TABLE, CREATE INDEX, DO."`
	Syntax          *Syntax           `json:"syntax"`
	Location        *Location         `json:"location"`
	InTransaction   bool              `json:"in_transaction" jsonschema_description:"Ran inside a transaction block, the tool's or its own."`
	Transaction     int               `json:"transaction" jsonschema_description:"Statements of one migration with the same number share a transaction."`
	Settings        *Settings         `json:"settings"`
	Changes         []*Change         `json:"changes"`
	Locks           []*Lock           `json:"locks" jsonschema_description:"Taken by this statement."`
	Held            []*Lock           `json:"held" jsonschema_description:"Held from earlier statements of the same transaction."`
	Rewrites        []*Rewrite        `json:"rewrites"`
	Scans           []*Scan           `json:"scans"`
	Rows            []*Rows           `json:"rows"`
	Dropped         []*Dropped        `json:"dropped"`
	Counterexamples []*Counterexample `json:"counterexamples"`
	Writes          []*Write          `json:"writes" jsonschema_description:"Tables whose rows it may change."`
	Measured        *Measured         `json:"measured,omitempty" jsonschema_description:"Only if assay measured it on generated rows (--measure)."`
	Error           *StatementError   `json:"error,omitempty" jsonschema_description:"Only if the server refused the statement."`
}

// Measured is how long a statement is expected to take in production.
type Measured struct {
	Object     string `json:"object" jsonschema_description:"The table that grows with production."`
	Rows       int64  `json:"rows" jsonschema_description:"Rows of that table in production."`
	EstimateMS int64  `json:"estimate_ms"`
	LowMS      int64  `json:"low_ms"`
	HighMS     int64  `json:"high_ms"`
}

// Syntax is what the parser adds. parsed is false for syntax newer than the parser.
type Syntax struct {
	Parsed       bool      `json:"parsed"`
	Concurrently bool      `json:"concurrently"`
	IfExists     bool      `json:"if_exists"`
	IfNotExists  bool      `json:"if_not_exists"`
	OrReplace    bool      `json:"or_replace"`
	Cascade      bool      `json:"cascade"`
	NotValid     bool      `json:"not_valid"`
	UsingIndex   bool      `json:"using_index"`
	HasWhere     bool      `json:"has_where" jsonschema_description:"UPDATE or DELETE with WHERE."`
	Transaction  string    `json:"transaction" jsonschema_description:"BEGIN, COMMIT, ROLLBACK … or empty."`
	Set          *Setting  `json:"set,omitempty" jsonschema_description:"Of SET and RESET."`
	Objects      []string  `json:"objects" jsonschema_description:"Targets as they are written."`
	Actions      []*Action `json:"actions" jsonschema_description:"ALTER TABLE subcommands in order."`
	Language     string    `json:"language"`
}

// Setting is a configuration parameter that a statement sets.
type Setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Local bool   `json:"local"`
	Reset bool   `json:"reset"`
}

// Action is one ALTER TABLE subcommand.
type Action struct {
	Kind    string `json:"kind" jsonschema_description:"ADD COLUMN, SET NOT NULL …"`
	Name    string `json:"name"`
	Cascade bool   `json:"cascade"`
}

// Settings are those in force when a statement ran. Times are in milliseconds, 0 for none.
type Settings struct {
	LockTimeoutMS      int64  `json:"lock_timeout_ms"`
	StatementTimeoutMS int64  `json:"statement_timeout_ms"`
	SearchPath         string `json:"search_path"`
	Role               string `json:"role"`
	TimeZone           string `json:"time_zone"`
}

// Change is one difference in the catalog that a statement made.
type Change struct {
	Type      string    `json:"type" jsonschema_description:"add_table, drop_column, alter_column_type, set_not_null, add_index, add_grant …"`
	Kind      string    `json:"kind" jsonschema_description:"Kind of the object in words: table, column, index …"`
	Object    string    `json:"object" jsonschema_description:"Name after the change, before it if it is gone: public.orders.total."`
	Schema    string    `json:"schema"`
	Table     string    `json:"table" jsonschema_description:"Qualified name of the table it belongs to, empty if none."`
	Name      string    `json:"name" jsonschema_description:"Unqualified name."`
	Was       string    `json:"was" jsonschema_description:"What it was: old name, type, default, owner, comment."`
	Is        string    `json:"is" jsonschema_description:"What it is now: new name, type, default, owner, comment, privilege."`
	Grantee   string    `json:"grantee" jsonschema_description:"Of add_grant and drop_grant; public is everybody."`
	Text      string    `json:"text" jsonschema_description:"One clause for people: add column public.orders.total."`
	Migration string    `json:"migration"`
	Statement int       `json:"statement"`
	Location  *Location `json:"location"`
}

// Evidence is what the server did, over all statements.
type Evidence struct {
	Locks           []*Lock           `json:"locks"`
	Rewrites        []*Rewrite        `json:"rewrites"`
	Scans           []*Scan           `json:"scans"`
	Rows            []*Rows           `json:"rows"`
	Dropped         []*Dropped        `json:"dropped"`
	Counterexamples []*Counterexample `json:"counterexamples"`
}

// Fact is what every piece of evidence has. A piece can be put into a result's
// evidence as it is.
type Fact struct {
	What      string    `json:"fact" jsonschema_description:"lock, held, rewrite, scan, rows, dropped, counterexample or error."`
	Text      string    `json:"text" jsonschema_description:"One line for people."`
	Object    string    `json:"object" jsonschema_description:"Qualified name."`
	Migration string    `json:"migration"`
	Statement int       `json:"statement"`
	Location  *Location `json:"location"`
}

// Lock is a lock on a relation.
type Lock struct {
	Fact
	Kind     string `json:"kind" jsonschema_description:"table, index, view …"`
	Table    string `json:"table" jsonschema_description:"Of an index its table, else the object."`
	Mode     string `json:"mode" jsonschema_description:"As the manual writes it: ACCESS EXCLUSIVE." jsonschema:"enum=ACCESS SHARE,enum=ROW SHARE,enum=ROW EXCLUSIVE,enum=SHARE UPDATE EXCLUSIVE,enum=SHARE,enum=SHARE ROW EXCLUSIVE,enum=EXCLUSIVE,enum=ACCESS EXCLUSIVE"`
	New      bool   `json:"new" jsonschema_description:"On a relation that this change set makes."`
	Inferred bool   `json:"inferred" jsonschema_description:"From the manual, not seen."`
}

// Rewrite is a relation whose storage was written anew.
type Rewrite struct {
	Fact
	Kind   string `json:"kind"`
	Table  string `json:"table"`
	Reason string `json:"reason"`
	New    bool   `json:"new"`
}

// Scan is a sequential scan of a whole relation.
type Scan struct {
	Fact
	Count int  `json:"count"`
	New   bool `json:"new"`
}

// Rows is how many rows a statement wrote.
type Rows struct {
	Fact
	Inserted int64 `json:"inserted"`
	Updated  int64 `json:"updated"`
	Deleted  int64 `json:"deleted"`
}

// Dropped is an object that is gone after a statement.
type Dropped struct {
	Fact
	Kind    string   `json:"kind"`
	Named   bool     `json:"named" jsonschema_description:"The statement names it; else it fell with another one."`
	Cascade bool     `json:"cascade"`
	Via     []string `json:"via" jsonschema_description:"From the named object to this one."`
}

// Counterexample is a set of rows that proves that a statement fails or changes data.
type Counterexample struct {
	Fact
	Kind    string `json:"kind" jsonschema_description:"fails, changed or lost." jsonschema:"enum=fails,enum=changed,enum=lost"`
	SQL     string `json:"sql"`
	Code    string `json:"code" jsonschema_description:"SQLSTATE."`
	Message string `json:"message"`
}

// StatementError is the server's refusal.
type StatementError struct {
	Fact
	Code    string `json:"code" jsonschema_description:"SQLSTATE."`
	Message string `json:"message"`
}

// Finding is a finding of a built-in check.
type Finding struct {
	ID         string    `json:"id"`
	Name       string    `json:"name"`
	Severity   string    `json:"severity" jsonschema:"enum=error,enum=warning,enum=info"`
	Confidence string    `json:"confidence"`
	Object     string    `json:"object"`
	Message    string    `json:"message"`
	Statement  int       `json:"statement" jsonschema_description:"Index in the migration, -1 if it is about the file."`
	Location   *Location `json:"location"`
}

// Owner says who owns the objects that a pattern matches.
type Owner struct {
	Pattern string   `json:"pattern" jsonschema_description:"Glob over qualified names: public.payment*."`
	Team    string   `json:"team" jsonschema_description:"The first of its teams, empty if it has none."`
	Teams   []string `json:"teams"`
	Users   []string `json:"users"`
	Count   int      `json:"count" jsonschema_description:"How many of them must approve, if the file says so; else 0."`
}

// Context is what is known of the pull request.
type Context struct {
	Host         string     `json:"host" jsonschema_description:"github, gitlab, or empty."`
	Repository   string     `json:"repository"`
	Branch       string     `json:"branch"`
	Target       string     `json:"target" jsonschema_description:"The branch it will be merged into."`
	Number       int        `json:"number" jsonschema_description:"Of the pull request."`
	Title        string     `json:"title"`
	Body         string     `json:"body" jsonschema_description:"The description of the pull request."`
	Draft        bool       `json:"draft"`
	Author       string     `json:"author"`
	AuthorTeams  []string   `json:"author_teams" jsonschema_description:"Of the teams in the owners file and in assay.author_in(team), those that the author belongs to."`
	Labels       []string   `json:"labels"`
	Reviewers    []string   `json:"reviewers" jsonschema_description:"Who was asked for a review or gave one; a team of GitHub is org/team."`
	Approvals    []Approved `json:"approvals"`
	ChangedFiles []string   `json:"changed_files"`
	Environment  string     `json:"environment" jsonschema_description:"Where the change is going: $ASSAY_ENVIRONMENT."`
}

// Approved is an approval that stands.
type Approved struct {
	User    string   `json:"user"`
	Type    string   `json:"type" jsonschema_description:"person, or bot for a program's account." jsonschema:"enum=person,enum=bot"`
	Writes  bool     `json:"writes" jsonschema_description:"May write to the repository."`
	Teams   []string `json:"teams" jsonschema_description:"Of the teams in the owners file and in assay.approved_by(team), those that the user belongs to."`
	Current bool     `json:"current" jsonschema_description:"Given to the pull request as it is now, not before its last push."`
}

// Stats are statistics of the production database.
type Stats struct {
	Tables  []*TableStats  `json:"tables"`
	Indexes []*IndexStats  `json:"indexes"`
	Columns []*ColumnStats `json:"columns"`
}

// TableStats are those of a table.
type TableStats struct {
	Object         string  `json:"object"`
	Rows           int64   `json:"rows"`
	Bytes          int64   `json:"bytes" jsonschema_description:"Of the table with TOAST, without indexes."`
	IndexBytes     int64   `json:"index_bytes"`
	WritesPerHour  float64 `json:"writes_per_hour"`
	ScansPerHour   float64 `json:"scans_per_hour"`
	LastVacuumDays float64 `json:"last_vacuum_days"`
}

// IndexStats are those of an index.
type IndexStats struct {
	Object string `json:"object"`
	Table  string `json:"table"`
	Bytes  int64  `json:"bytes"`
	Scans  int64  `json:"scans"`
}

// ColumnStats are those of a column.
type ColumnStats struct {
	Object       string  `json:"object"`
	NullFraction float64 `json:"null_fraction"`
	Distinct     float64 `json:"distinct" jsonschema_description:"As pg_stats has it: negative is a share of the rows."`
}
