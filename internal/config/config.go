// Package config reads assay.yaml: strictly, so that a misspelt key, value or
// check name is an error that names the place and the valid choices, and
// resolves what the file says about one finding.
package config

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"time"
)

// File is the name that Load looks for if no other is given.
const File = "assay.yaml"

// SchemaURL is where editors find the JSON Schema of the file.
const SchemaURL = "https://raw.githubusercontent.com/assaydb/assay/main/docs/schemas/assay.json"

// DefaultStatementTimeout ends a statement on the throw-away server where no configuration says another time.
const DefaultStatementTimeout = 5 * time.Minute

// Config is the content of assay.yaml. Everything is optional: the zero value
// finds the migrations, their format, what is new and a PostgreSQL by itself.
// Paths are slash-separated and relative to the directory of the file.
type Config struct {
	// Dir is the migrations directory. Found by itself if not given.
	Dir string `yaml:"dir"`
	// Dirs are several migrations directories, each a history of its own, that are reviewed with one report. In the place of dir.
	Dirs []string `yaml:"dirs"`
	// Format is the migration tool's file convention, such as goose or flyway. Detected if not given.
	Format string `yaml:"format"`
	// Locations are further directories of migrations that belong to the same history (Flyway's locations).
	Locations []string `yaml:"locations"`

	// Postgres is the server to replay on: a major version (13 to 18), or a directory with initdb and postgres in it.
	Postgres string `yaml:"postgres"`
	// DevURL is an existing server to replay on, in a database of assay's own. Passwords do not belong here: write ${NAME} to take a part, or all of it, from the environment.
	DevURL string `yaml:"dev-url"`
	// Setup are SQL files that the admin connection runs before everything else: roles, schemas and extensions that your platform provides.
	Setup []string `yaml:"setup"`
	// Base is a schema dump (pg_dump -s, structure.sql) that is loaded before the oldest migrations.
	Base string `yaml:"base"`
	// Values are the placeholders, template values and psql variables of the migrations.
	Values map[string]string `yaml:"values"`
	// Steps is SQL to run in place of migrations that are not SQL, by their path: a file if the text ends in .sql, else the SQL itself.
	Steps map[string]string `yaml:"steps"`
	// Superuser runs the migrations as a superuser instead of an ordinary owner of the database.
	Superuser bool `yaml:"superuser"`
	// Extensions may be created by the migrations in addition to the trusted ones that come with PostgreSQL. One that the dev server lacks is stood in for by a stub, whose types and functions can be declared.
	Extensions []Extension `yaml:"extensions"`
	// Settings are what your migration tool sets on its connection before it runs a file, such as lock_timeout or search_path.
	Settings map[string]string `yaml:"settings"`
	// TimeZone is the time zone of the migrating session, which decides whether some type changes rewrite the table. Default UTC.
	TimeZone string `yaml:"time-zone"`
	// WALLevel is the wal_level of the throw-away server. Default logical, which allows publications to be made without a warning.
	WALLevel string `yaml:"wal-level" choices:"minimal,replica,logical"`
	// StatementTimeout ends a statement that runs longer on the throw-away server.
	StatementTimeout Duration `yaml:"statement-timeout"`
	// RunTimeout ends the whole run.
	RunTimeout Duration `yaml:"run-timeout"`

	// GitBase is the branch or commit that new migrations are measured from. Default: the pull request's target, else the default branch.
	GitBase string `yaml:"git-base"`
	// FailOn is the lowest severity that makes the run fail; off never fails. Default error.
	FailOn string `yaml:"fail-on" choices:"off,info,warning,error"`

	// Packs are sets of optional checks to switch on, such as conventions.
	Packs []string `yaml:"packs"`
	// Checks sets severity, scope and parameters by check id, name, family (two letters) or another tool's name for it.
	Checks map[string]Check `yaml:"checks"`
	// Overrides change severities for some paths or objects. The last one that matches decides.
	Overrides []Override `yaml:"overrides"`
	// Ignore lists findings that are accepted, each with the reason.
	Ignore []Ignore `yaml:"ignore"`
	// Baseline is the file of old findings that do not count. Default assay.baseline.json where it exists.
	Baseline string `yaml:"baseline"`
	// Down says what to do with the way back: require a down file for each new migration, check those that exist, or off. Default check.
	Down string `yaml:"down" choices:"require,check,off"`

	// Policies are your own rules in Rego.
	Policies []Policy `yaml:"policies"`
	// PolicyPacks are packs of the shipped policy library to switch on.
	PolicyPacks []string `yaml:"policy-packs"`
	// Rules sets level, parameters and exceptions by policy rule id.
	Rules map[string]Rule `yaml:"rules"`
	// PolicyTimeout is the time that all policy rules together may take. Default 1m.
	PolicyTimeout Duration `yaml:"policy-timeout"`
	// Enforce says which checks and policy rules the change under review cannot switch off, by id, name, family, policy pack, or "*" for every policy rule. Where the target branch has it, its assay.yaml, policies, owners and baseline judge each pull request.
	Enforce map[string]Enforcement `yaml:"enforce"`
	// Owners is a file of object glob and team, one pair a line, that policies read.
	Owners string `yaml:"owners"`

	// Stats is the file of production statistics that assay stats wrote. Default assay.stats.json where it exists.
	Stats string `yaml:"stats"`
	// StatsMaxAge is how old the statistics may be before assay says so. Default 30d.
	StatsMaxAge Duration `yaml:"stats-max-age"`
	// SmallTable is the number of rows up to which a table counts as small. Default 10k.
	SmallTable Rows `yaml:"small-table"`
	// LargeTable is the number of rows from which a table counts as large. Default 1M.
	LargeTable Rows `yaml:"large-table"`
	// Queries are files with the application's queries (globs).
	Queries []string `yaml:"queries"`
	// Seed is a file or directory of data to load after the base.
	Seed string `yaml:"seed"`
	// Proofs are the rows that assay makes to show that a statement fails on some data.
	Proofs Proofs `yaml:"proofs"`
	// Measure estimates on generated rows how long each lock would be held in production.
	Measure bool `yaml:"measure"`

	// Schema is where the wanted schema is, for assay plan, diff, drift and inspect.
	Schema Schema `yaml:"schema"`

	// Comment is what assay ci tells the pull request.
	Comment Comment `yaml:"comment"`

	// Path is the file that was read, empty if there was none.
	Path string `yaml:"-"`

	places map[string]Place
}

// Place is a line and column of the file, 1-based; zero if unknown.
type Place struct{ Line, Column int }

// Schema is where the wanted schema is, and what of it assay looks at.
type Schema struct {
	// Dir is the directory (or file) of plain SQL that says what each object is to be.
	Dir string `yaml:"dir"`
	// Include are the only objects that are compared (patterns such as app.* or *.log_*[type=table]).
	Include []string `yaml:"include"`
	// Exclude are objects that stay as they are (patterns).
	Exclude []string `yaml:"exclude"`
}

// Check is what the file says about a check or a family of checks. In short
// form it is the severity alone: "LK101: warning".
type Check struct {
	// Severity replaces the check's own. "on" keeps it and switches an optional check on.
	Severity string `yaml:"severity" choices:"off,on,info,warning,error"`
	// Include are the only paths where the check speaks (globs).
	Include []string `yaml:"include"`
	// Exclude are paths where the check is silent (globs).
	Exclude []string `yaml:"exclude"`
	// Objects are the only objects that the check speaks of (globs such as audit.* or orders).
	Objects []string `yaml:"objects"`
	// ExcludeObjects are objects that the check does not speak of (globs).
	ExcludeObjects []string `yaml:"exclude-objects"`
	// Params are the check's own settings.
	Params map[string]any `yaml:"params"`
}

// Override changes severities for some paths or objects.
type Override struct {
	// Paths are the files it is for (globs). Empty: all.
	Paths []string `yaml:"paths"`
	// Objects are the objects it is for (globs). Empty: all.
	Objects []string `yaml:"objects"`
	// Checks are severities by check id, name, family or alias.
	Checks map[string]string `yaml:"checks" choices:"off,on,info,warning,error"`
}

// Ignore is a finding, or some of one kind, that somebody accepts.
type Ignore struct {
	// Check is the id, name or alias of a check, or the id of a policy rule.
	Check string `yaml:"check"`
	// Path limits it to files (glob).
	Path string `yaml:"path"`
	// Object limits it to objects (glob).
	Object string `yaml:"object"`
	// Reason says why, to whoever reads it next. Required.
	Reason string `yaml:"reason"`
	// Expires is the last day it holds, as 2027-01-31. Default never.
	Expires string `yaml:"expires"`
}

// Policy is one source of Rego rules: a directory, a commit of a git
// repository, or an OPA bundle. In short form it is the directory.
type Policy struct {
	// Dir is a directory of .rego files.
	Dir string `yaml:"dir"`
	// Git is the URL of a repository.
	Git string `yaml:"git"`
	// Commit is the full commit id to take from it. Required with git.
	Commit string `yaml:"commit"`
	// Subdir is the directory in the repository. Default its root.
	Subdir string `yaml:"subdir"`
	// Bundle is the path or HTTPS URL of an OPA bundle (tar.gz).
	Bundle string `yaml:"bundle"`
	// Digest is the bundle's sha256 in hex, with "sha256:" before it. Without it the lock file holds the first one seen.
	Digest string `yaml:"digest"`
	// Key is the signer's public key (a PEM file) of a bundle that opa build signed. Required if it is signed.
	Key string `yaml:"key"`
}

// Extension is one that migrations may create. In short form it is the name alone.
type Extension struct {
	// Name is the extension's name.
	Name string `yaml:"name"`
	// Schema is where it lives, if that is not the migration's choice.
	Schema string `yaml:"schema"`
	// Types are those that its stub has: they take and give any text.
	Types []string `yaml:"types"`
	// Functions are those that its stub has, as "name(type, type) returns type": they give NULL.
	Functions []string `yaml:"functions"`
}

// Rule is what the file says about a policy rule. In short form it is the
// level alone.
type Rule struct {
	// Level replaces the rule's own severity.
	Level string `yaml:"level" choices:"off,on,info,warning,error"`
	// Params are the rule's own settings, as input.params.
	Params map[string]any `yaml:"params"`
	// Exclude are paths where the rule is silent (globs).
	Exclude []string `yaml:"exclude"`
	// ExcludeObjects are objects that the rule does not speak of (globs).
	ExcludeObjects []string `yaml:"exclude-objects"`
}

// Enforcement is how firmly a check or rule holds. In short form it is the
// level alone.
type Enforcement struct {
	// Level is advisory (reported, fails no run), overridable (an ignore with a reason asks for the team's approval) or mandatory (no ignore counts).
	Level string `yaml:"level" choices:"advisory,overridable,mandatory"`
	// Team approves what is overridden. Required with overridable.
	Team string `yaml:"team"`
	// Count is how many people of the team must approve. Default 1.
	Count int `yaml:"count"`
}

// Proofs sets how rows are looked for that make a statement fail.
type Proofs struct {
	// Off leaves the search out. In short form: "proofs: off".
	Off bool `yaml:"off"`
	// Timeout ends a search that hangs: it is how long the change may run over one set of rows. Default 5m; less than 30s is
	// taken as 30s. How much is tried does not depend on it.
	Timeout Duration `yaml:"timeout"`
}

// Comment sets what a pull request is told.
type Comment struct {
	// Name tells several projects of one repository apart. Default the migrations directory.
	Name string `yaml:"name"`
	// Off leaves the summary comment out.
	Off bool `yaml:"off"`
	// NoInline leaves the review comments on changed lines out.
	NoInline bool `yaml:"no-inline"`
	// Status is the name of the commit status. Default assay.
	Status string `yaml:"status"`
}

// Load reads the file name in fsys. With an empty name it reads assay.yaml if
// there is one and returns the zero configuration if there is none; a file
// that was named must exist. The error holds everything that is wrong with
// the file, one line each, as file:line:column: message.
func Load(fsys fs.FS, name string) (*Config, error) {
	named := name != ""
	if !named {
		name = File
	}
	if !fs.ValidPath(path.Clean(name)) {
		return nil, fmt.Errorf("reading the configuration: %s must lie inside the project directory, named relative to it", name)
	}
	src, err := fs.ReadFile(fsys, path.Clean(name))
	if errors.Is(err, fs.ErrNotExist) && !named {
		if _, err := fs.Stat(fsys, "assay.yml"); err == nil {
			return nil, fmt.Errorf("found assay.yml, but the configuration is called %s: rename it", File)
		}
		return &Config{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	return Parse(name, src)
}

// Parse reads a configuration from its text. The name is used in errors.
func Parse(name string, src []byte) (*Config, error) {
	c := &Config{}
	d := &decoder{name: name, places: map[string]Place{}}
	d.decode(src, c)
	c.Path, c.places = name, d.places
	c.check(d)
	if err := d.err(); err != nil {
		return nil, err
	}
	return c, nil
}

var variable = regexp.MustCompile(`\$\{([^}]*)\}`)

// DevServer is DevURL with the environment's values in it. A variable that is
// not set is an error.
func (c *Config) DevServer(getenv func(string) string) (string, error) {
	var missing []string
	url := variable.ReplaceAllStringFunc(c.DevURL, func(s string) string {
		v := getenv(s[2 : len(s)-1])
		if v == "" {
			missing = append(missing, s[2:len(s)-1])
		}
		return v
	})
	if len(missing) > 0 {
		return "", fmt.Errorf("%s: dev-url uses $%s, which is not set in the environment", c.At("dev-url"), strings.Join(missing, ", $"))
	}
	return url, nil
}

// Major is the major version of Postgres, 0 if it is a directory or not given.
func (c *Config) Major() int {
	n := 0
	for _, r := range c.Postgres {
		if r < '0' || r > '9' || n > 1000 {
			return 0
		}
		n = n*10 + int(r-'0')
	}
	return n
}

// BinDir is the directory of PostgreSQL's programs, empty if Postgres is a
// major version or not given.
func (c *Config) BinDir() string {
	if c.Major() > 0 {
		return ""
	}
	return c.Postgres
}

var noLimit = regexp.MustCompile(`^\s*-?0*\s*(us|ms|s|min|h|d)?\s*$`)

// Sets says whether the team's tool gives the setting a value that limits
// something: "0" is no timeout.
func (c *Config) Sets(setting string) bool {
	for k, v := range c.Settings {
		if strings.EqualFold(k, setting) {
			return !noLimit.MatchString(v)
		}
	}
	return false
}

// At is the place of a key as file:line:column, for messages. Keys are joined
// by dots, list items are numbers: "ignore.0.check".
func (c *Config) At(key string) string {
	if p, ok := c.places[key]; ok {
		return fmt.Sprintf("%s:%d:%d", c.Path, p.Line, p.Column)
	}
	return c.Path
}

// ReadStep is the SQL that stands in for the migration at name, with false if
// the file does not name it.
func (c *Config) ReadStep(fsys fs.FS, name string) (string, bool, error) {
	text, ok := c.Steps[name]
	if !ok || !strings.HasSuffix(text, ".sql") || strings.ContainsAny(text, " \n;") {
		return text, ok, nil
	}
	sql, err := fs.ReadFile(fsys, path.Clean(text))
	if err != nil {
		return "", true, fmt.Errorf("%s: reading the SQL that stands in for %s: %w", c.At("steps."+name), name, err)
	}
	return string(sql), true, nil
}

// exists is for defaults that hold only where the file is there. One that may not
// be read is there: reading it says why.
func exists(fsys fs.FS, name string) bool {
	_, err := fs.Stat(fsys, name)
	return !errors.Is(err, fs.ErrNotExist)
}

// BaselineFile is the baseline to read: the one named, else the default one
// where it exists, else none.
func (c *Config) BaselineFile(fsys fs.FS) string {
	if c.Baseline == "" && exists(fsys, BaselineFile) {
		return BaselineFile
	}
	return c.Baseline
}

// StatsFile is the statistics' name if the configuration gives no other.
const StatsFile = "assay.stats.json"

// StatsFile is the file of statistics to read: the one named, else the
// default one where it exists, else none.
func (c *Config) StatsFile(fsys fs.FS) string {
	if c.Stats == "" && exists(fsys, StatsFile) {
		return StatsFile
	}
	return c.Stats
}
