// Package migration reads migration directories: it knows every supported
// format, the order its tool applies files in, the transaction the tool runs
// them in, and the exact place of each statement. It is the only package that
// sees pg_query, and it gives out facts, never a parse tree.
package migration

import "slices"

// Position is a place in a file of the project. The zero value means "no place".
type Position struct {
	Path   string `json:"path"`   // slash-separated, relative to the project root
	Line   int    `json:"line"`   // 1-based
	Column int    `json:"column"` // 1-based, in Unicode code points
	Offset int    `json:"offset"` // 0-based, in bytes of the file as it lies on disk (BOM and CR included)
}

// Format names a migration tool's file convention, as accepted by --dir-format.
type Format string

// The supported formats.
const (
	GolangMigrate   Format = "golang-migrate"
	Goose           Format = "goose"
	Flyway          Format = "flyway"
	Liquibase       Format = "liquibase"
	Dbmate          Format = "dbmate"
	SQLMigrate      Format = "sql-migrate"
	Atlas           Format = "atlas"
	Prisma          Format = "prisma"
	Drizzle         Format = "drizzle"
	Diesel          Format = "diesel"
	Hasura          Format = "hasura"
	Sqlx            Format = "sqlx"
	NodePgMigrate   Format = "node-pg-migrate"
	GraphileMigrate Format = "graphile-migrate"
	Sqitch          Format = "sqitch"
	Supabase        Format = "supabase"
	Plain           Format = "plain"
)

// TxMode says how the team's tool runs the statements of a file.
type TxMode string

const (
	// TxFile: the tool opens a transaction, runs the file's statements in it
	// and commits. A COMMIT in the file ends the tool's transaction early.
	TxFile TxMode = "file"
	// TxImplicit: the tool sends the file as one simple query, which
	// PostgreSQL runs as one implicit transaction block; BEGIN and COMMIT in
	// the file split it (protocol-flow, "Multiple Statements in a Simple Query").
	TxImplicit TxMode = "implicit"
	// TxNone: every statement runs by itself (autocommit).
	TxNone TxMode = "none"
	// TxAll: the tool runs all pending migrations in one transaction
	// (Drizzle, node-pg-migrate).
	TxAll TxMode = "all"
)

// Migration is one migration file (or the up part of one), ready to run.
type Migration struct {
	Path       string // the file, slash-separated, relative to the project root
	Version    string // as the tool sees it: "20240101120000", "1.2", "0003"; empty for repeatable ones
	Name       string // the human part of the file's name
	Format     Format
	Source     string // the text of the file as it lies on disk
	Hash       string // hex sha256 of everything that is run: file, includes, values
	Repeatable bool   // run again whenever its text changes (Flyway R__, sqitch rework is not one)
	TxMode     TxMode
	TxReason   string // what decided TxMode, for messages: `goose wraps each file in a transaction`
	// TxOptOut tells a person how to leave the transaction in this format:
	// a line to write into the file or a file to add. Empty if there is no way out.
	TxOptOut   string
	Statements []*Statement
	Directives []Directive // those of the whole file
	Down       *Migration  // the way back, nil if the format has none or the file is missing
	// Bookkeeping is SQL that makes the tool's own tables exist, as the tool
	// itself would have made them before its first migration. The same for
	// every migration of a directory.
	Bookkeeping string
	// Notices are those of a script read by itself (LoadScript); a directory keeps its own.
	Notices []Notice
}

// StatementKind says how a statement reaches the server.
type StatementKind string

const (
	SQL      StatementKind = "sql"       // sent as it is
	CopyData StatementKind = "copy-data" // COPY … FROM stdin; Data holds the rows
	// Skip: never run; SkipReason says why (\copy from program, unknown meta-command).
	Skip StatementKind = "skip"
)

// Statement is one statement with its exact range.
type Statement struct {
	Kind       StatementKind
	Text       string // what is sent: values filled in, terminator and surrounding blanks and comments removed
	Pos, End   Position
	Data       []byte // CopyData: rows in COPY text format (or as the statement's options say)
	SkipReason string
	Syntax     *Syntax     // never nil in what this package gives; equal ones may be one
	Directives []Directive // those written directly before it or at the end of its lines
	// Batch numbers the statements that the tool sends in one query (goose's
	// StatementBegin … StatementEnd, psql's \;): those with the same number
	// share an implicit transaction. 0 is a statement sent by itself.
	Batch int
}

// Syntax holds what the text can add to what the server says. It is read from
// the tokens, not from a grammar of one version, so that the syntax of
// PostgreSQL 17 and 18 gives the same facts as older syntax. Names are as
// written: quoted and schema-qualified where the text is.
type Syntax struct {
	Parsed       bool     // PostgreSQL 16's grammar was asked (only for WITH, where tokens do not tell) and took it
	Tag          string   // command tag as in the manual: "ALTER TABLE", "CREATE INDEX", "DO", "SET"
	Concurrently bool     // CONCURRENTLY was written
	IfExists     bool     // DROP/ALTER … IF EXISTS
	IfNotExists  bool     // CREATE/ADD … IF NOT EXISTS anywhere in the statement
	OrReplace    bool     // CREATE OR REPLACE
	Cascade      bool     // DROP/TRUNCATE … CASCADE
	NotValid     bool     // some constraint is added NOT VALID
	UsingIndex   bool     // ADD CONSTRAINT … USING INDEX
	HasWhere     bool     // UPDATE/DELETE with a WHERE clause
	Transaction  string   // "BEGIN" "COMMIT" "ROLLBACK" "SAVEPOINT" "RELEASE" "ROLLBACK TO" "SET TRANSACTION" "PREPARE" or ""
	Set          *Setting // SET, RESET, set_config() as the whole statement, ALTER … SET is not one
	// Objects are the names written as the statement's target: tables of
	// ALTER TABLE, DROP, TRUNCATE, UPDATE, DELETE, INSERT, CREATE INDEX …
	Objects []string
	// Name is what is created or dropped on Objects: the index, trigger, policy or rule.
	// Empty for CREATE INDEX ON t (…), where the server chooses.
	Name string
	// Actions are the ALTER subcommands in order, as keywords:
	// "ADD COLUMN", "DROP COLUMN", "ALTER COLUMN TYPE", "SET NOT NULL", "ADD CONSTRAINT",
	// "VALIDATE CONSTRAINT", "ATTACH PARTITION", "RENAME TO", "ADD VALUE" … each with the
	// column or constraint it names. Also of ALTER INDEX, VIEW, SEQUENCE, TYPE, DOMAIN.
	Actions []Action
	// Columns and Constraints are those that CREATE TABLE spells out.
	Columns     []Column
	Constraints []Constraint
	// Language of a DO block or CREATE FUNCTION, lower case ("plpgsql").
	Language string
	// Routine holds what DO, CREATE FUNCTION and CREATE PROCEDURE say; nil otherwise.
	Routine *Routine
	// Options are single words that change what a command does, in upper case, sorted:
	// "UNIQUE", "ONLY", "TEMPORARY", "UNLOGGED", "FULL", "NOWAIT", "RESTART IDENTITY", "WITH NO DATA",
	// "RETURNING", "ON CONFLICT", "WITH GRANT OPTION", "PASSWORD", "PARTITION OF", "PROGRAM", "CONSTRAINT".
	Options []string
	// LockMode of LOCK TABLE, "ACCESS EXCLUSIVE" if none is written; empty otherwise.
	LockMode string
	// Method is the access method of CREATE INDEX … USING, lower case.
	Method string
}

// Has reports whether one of Options was written.
func (s *Syntax) Has(option string) bool { return slices.Contains(s.Options, option) }

// Action is one ALTER subcommand.
type Action struct {
	Kind        string // "ADD COLUMN"
	Name        string // column, constraint, trigger, enum value … it names, if any
	NewName     string // RENAME …  TO, SET SCHEMA, OWNER TO
	Cascade     bool
	IfExists    bool
	IfNotExists bool
	Using       bool        // ALTER COLUMN TYPE … USING
	Type        string      // the type as written, of ADD COLUMN and ALTER COLUMN TYPE
	Place       string      // ADD VALUE: "BEFORE", "AFTER" or ""
	Column      *Column     // ADD COLUMN
	Constraint  *Constraint // ADD CONSTRAINT, named or not
	// Pos and End are the range of the subcommand's text, zero if unknown.
	Pos, End Position
}

// Column is a column definition as written.
type Column struct {
	Name, Type  string
	NotNull     bool
	HasDefault  bool
	Default     string       // the expression
	Identity    string       // "ALWAYS", "BY DEFAULT" or ""
	Generated   string       // "STORED", "VIRTUAL" or ""
	Constraints []Constraint // CHECK, UNIQUE, PRIMARY KEY, REFERENCES written at the column
	Pos, End    Position
}

// Constraint is a constraint as written.
type Constraint struct {
	Kind        string // "CHECK", "UNIQUE", "PRIMARY KEY", "FOREIGN KEY", "EXCLUDE", "NOT NULL"
	Name        string // empty if the server chooses
	NotValid    bool
	NotEnforced bool
	Deferrable  bool
	UsingIndex  string // the index of USING INDEX
	References  string // the other table of a foreign key
	OnDelete    string // "CASCADE", "SET NULL", "SET DEFAULT", "RESTRICT", "NO ACTION" or ""
	OnUpdate    string
	Pos, End    Position
}

// Routine is a function, procedure or DO block.
type Routine struct {
	Body            string   // without its quotes; of BEGIN ATOMIC from BEGIN to END
	Pos             Position // of the first byte of Body
	Atomic          bool     // BEGIN ATOMIC … END or RETURN: SQL that the server parses at once
	SecurityDefiner bool
	SearchPath      bool   // SET search_path at the function
	Volatility      string // "IMMUTABLE", "STABLE", "VOLATILE" or ""
	Returns         string // the type as written, "TABLE" for RETURNS TABLE
}

// Setting is a configuration parameter that a statement sets.
type Setting struct {
	Name  string // lower case, "lock_timeout"
	Value string // as given, without quotes; empty with Reset
	Local bool   // SET LOCAL
	Reset bool   // RESET or SET … TO DEFAULT
}

// DirectiveKind is what a comment asks assay to do.
type DirectiveKind string

const (
	Ignore    DirectiveKind = "ignore"    // -- assay:ignore ID[,ID] reason; -- atlas:nolint; -- squawk-ignore; -- eugene: ignore
	Sensitive DirectiveKind = "sensitive" // -- assay:sensitive; -- atlas:sensitive
	Was       DirectiveKind = "was"       // -- assay:was old; -- @renamed from=old: the name before, in Reason; of schema files
	New       DirectiveKind = "new"       // -- assay:new: it had no name before; of schema files
	Data      DirectiveKind = "data"      // -- assay:data: the file holds rows; of schema files
)

// Directive is an instruction in a comment.
type Directive struct {
	Kind   DirectiveKind
	Tool   string   // "assay", "atlas", "squawk", "eugene"
	Checks []string // ids, names, aliases or families as written; empty means all (only other tools allow that)
	Reason string
	File   bool // applies to the whole file
	Pos    Position
	Text   string // the comment as written
}

// Notice is something the loader saw that a person must hear of. Findings are
// made from those with a Kind that a check knows; the others are printed.
type Notice struct {
	Kind string   // "sum-mismatch", "sum-missing-file", "sum-unlisted-file", "not-sql", "skipped-meta-command", "bad-down", "duplicate-version", …
	Pos  Position // at least Path
	Text string   // one clause, lower case
	// Refused says what does not run because of it; empty: everything runs.
	Refused Refusal
}

// Refusal is how much a tool or the server refuses of a migration.
type Refusal string

// What is refused.
const (
	// RefusedStatement: the server refuses what the tool sends of the statement at
	// Notice.Pos, and the tool stops there.
	RefusedStatement Refusal = "statement"
	// RefusedFile: the tool refuses the file before it runs any of it. The files
	// before it have run.
	RefusedFile Refusal = "file"
	// RefusedRun: the tool reads all files first, and runs none of them.
	RefusedRun Refusal = "run"
	// RefusedAfter: the file has run, and the tool stops after it.
	RefusedAfter Refusal = "after"
)

// Dir is a migration directory as its tool would see it.
type Dir struct {
	Path       string // slash-separated, relative to the project root; "." for the root
	Format     Format
	Migrations []*Migration // in the order of the tool, repeatable ones last
	Notices    []Notice
	// Holds says which transaction the tool itself keeps open beside the one that
	// runs the files, as a clause; empty: none.
	Holds string
	List  string // the file that lists the migrations for the tool: drizzle's journal, sqitch's plan; empty: there is none

	scripts map[string][]*script // what was read, by file: for Options.Known
}

// Options choose how a directory is read.
type Options struct {
	Format Format            // empty: detect
	Values map[string]string // template variables, placeholders, psql variables
	// Steps gives SQL to run in the place of steps that are not SQL (Go, TypeScript),
	// by their path relative to the project root or by file name.
	Steps map[string]string
	// Locations are further directories read in the same order (Flyway's locations).
	Locations []string
	// Known is the same directory as it was read before: a file that says the
	// same is not read again, its statements are taken from there.
	Known *Dir
}
