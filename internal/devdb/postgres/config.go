package postgres

import (
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// Config says which server to run on. The zero value finds an installed
// PostgreSQL, or downloads one.
type Config struct {
	// Postgres is a major version ("17"), a directory with initdb and postgres
	// in it, or empty: the newest that is installed, else DefaultMajor downloaded.
	Postgres string
	// URL is an existing server; no server is started then.
	URL string
	// CacheDir keeps downloads, prepared data directories and replayed bases.
	// Empty: the user's cache directory, /var/cache/assay for root. Where it
	// cannot be written, one in the temporary directory is taken.
	CacheDir string
	// Superuser runs the migrations as a superuser: no sandbox.
	Superuser bool
	// Schemas runs the statements that take a superuser and run no code (event
	// triggers, publications of all tables) for the migrations' role: a schema holds all that a database has.
	Schemas bool
	// StrangersSetup runs what is named under `setup:` as the migrations' role,
	// because it comes from a checkout that is not trusted.
	StrangersSetup bool
	// Extensions may be created by the admin, besides those that are allowed anyway.
	Extensions []string
	// Stubs stand for extensions that the server lacks, besides those that assay knows.
	Stubs []Declared
	// Stubbed takes stubs even for extensions that the server has, for tests.
	Stubbed bool
	// StatementTimeout ends a statement that takes longer, 0 for never. The
	// client enforces it: no SET of a migration can lift it.
	StatementTimeout time.Duration
	// WALLevel of an own server: "minimal" if empty; publications and slots need "logical".
	WALLevel string
	// TimeZone of the sessions that migrations run in.
	TimeZone string
	// Settings are given to every session that migrations run in.
	Settings map[string]string
	// Progress takes one line for a person; nil for none.
	Progress func(string)
	// Env reads the environment; nil reads nothing. Used are HOME,
	// npm_config_registry, ASSAY_PG_MIRROR and PATH.
	Env func(string) string

	beats <-chan time.Time // when a test has the sessions and the server looked after; nil: every few seconds
}

func (c *Config) env(name string) string {
	if c.Env == nil {
		return ""
	}
	return c.Env(name)
}

func (c *Config) say(line string) {
	if c.Progress != nil {
		c.Progress(line)
	}
}

// cache gives the cache directory, made and proven to be writable. Root's own
// home is closed to the user that the server runs as, so root keeps its cache
// in /var/cache if nothing else is asked for.
func (c *Config) cache() (string, error) {
	var tries []string
	switch d, err := os.UserCacheDir(); {
	case c.CacheDir != "":
		tries = []string{c.CacheDir}
	case isRoot():
		tries = []string{"/var/cache/assay"}
	case err == nil:
		tries = []string{filepath.Join(d, "assay")}
	}
	var err error
	for _, d := range tries {
		if d, err = filepath.Abs(d); err == nil {
			if err = writable(d); err == nil {
				return d, nil
			}
		}
	}
	if full(err) {
		return "", err
	}
	d := filepath.Join(os.TempDir(), "assay-cache-"+strconv.Itoa(os.Getuid()))
	if err := os.Mkdir(d, 0o700); err != nil && !os.IsExist(err) {
		return "", err
	}
	// Somebody else may have made it first, to have us run his binaries.
	if i, err := os.Lstat(d); err != nil || !i.IsDir() || !ownedByUs(i) {
		return os.MkdirTemp("", "assay-cache-")
	}
	return d, writable(d)
}

func writable(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".try-")
	if err != nil {
		return err
	}
	f.Close()
	return os.Remove(f.Name())
}
