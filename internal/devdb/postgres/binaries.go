package postgres

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// binaries is an installed PostgreSQL.
type binaries struct {
	dir    string // holds initdb and postgres
	num    int    // as server_version_num: 170010
	text   string // "17.10"
	source string // for the report's header: no place of this machine
}

func (b binaries) program(name string) string {
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	return filepath.Join(b.dir, name)
}

// ChoiceError says that the server has not what Config asks for: there is no
// such PostgreSQL, or it knows no such setting.
type ChoiceError struct{ error }

// findBinaries gives the PostgreSQL that c asks for; it may download one.
func findBinaries(ctx context.Context, c *Config, cache string) (binaries, error) {
	if c.Postgres == "" {
		found := installed(ctx, c)
		if len(found) > 0 {
			return slices.MaxFunc(found, func(a, b binaries) int { return a.num - b.num }), nil
		}
		return download(ctx, c, cache, DefaultMajor)
	}
	major, err := strconv.Atoi(c.Postgres)
	if err != nil {
		return given(ctx, c.Postgres)
	}
	for _, b := range installed(ctx, c) {
		if b.num/10000 == major {
			return b, nil
		}
	}
	return download(ctx, c, cache, major)
}

// given is the directory that --postgres names: that of the programs, or the one above.
func given(ctx context.Context, dir string) (binaries, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return binaries{}, err
	}
	for _, d := range []string{dir, filepath.Join(dir, "bin")} {
		if b, err := inspect(ctx, d); err == nil {
			b.source = "--postgres"
			return b, nil
		}
	}
	_, err = inspect(ctx, dir)
	return binaries{}, ChoiceError{fmt.Errorf("--postgres %s is neither a major version nor a directory with PostgreSQL's programs: %w", dir, err)}
}

// installed looks where PostgreSQL is usually found, best places first.
func installed(ctx context.Context, c *Config) []binaries {
	// A relative place in PATH may be the checkout: what lies there is not run.
	dirs := slices.DeleteFunc(filepath.SplitList(c.env("PATH")), func(d string) bool { return !filepath.IsAbs(d) })
	path := len(dirs)
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/libexec/postgresql*", "/usr/local/pgsql/bin",
		"/opt/homebrew/opt/postgresql*/bin", "/usr/local/opt/postgresql*/bin", "/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",
		"/Applications/Postgres.app/Contents/Versions/*/bin", `C:\Program Files\PostgreSQL\*\bin`,
	} {
		found, _ := filepath.Glob(pattern) // the patterns are well formed
		dirs = append(dirs, found...)
	}
	// Each takes a process or two: all are asked at once.
	found := make([]binaries, len(dirs)+1)
	var asked sync.WaitGroup
	var told string
	asked.Go(func() {
		if told = bindir(ctx, dirs[:path]); filepath.IsAbs(told) {
			found[len(dirs)], _ = inspect(ctx, told)
		}
	})
	for i, d := range dirs {
		asked.Go(func() { found[i], _ = inspect(ctx, d) })
	}
	asked.Wait()
	dirs, found = slices.Insert(dirs, path, told), slices.Insert(found[:len(dirs)], path, found[len(dirs)])
	var out []binaries
	seen := map[string]bool{}
	for i, d := range dirs {
		resolved, err := filepath.EvalSymlinks(d)
		if err != nil || seen[resolved] {
			continue
		}
		seen[resolved] = true
		if found[i].num > 0 {
			out = append(out, found[i])
		}
	}
	return out
}

// bindir asks the first pg_config of the directories where the programs are.
func bindir(ctx context.Context, dirs []string) string {
	for _, d := range dirs {
		if p := filepath.Join(d, "pg_config"); isFile(p) {
			ctx, cancel := context.WithTimeout(ctx, time.Minute)
			defer cancel()
			out, _ := exec.CommandContext(ctx, p, "--bindir").Output()
			return strings.TrimSpace(string(out))
		}
	}
	return ""
}

var versionOutput = regexp.MustCompile(`\(PostgreSQL\) (\d+)(?:\.(\d+))?(\S*)`)

// inspect asks a directory's server for its version.
func inspect(ctx context.Context, dir string) (binaries, error) {
	b := binaries{dir: dir, source: "installed"}
	for _, name := range []string{"initdb", "postgres"} {
		if !isFile(b.program(name)) {
			return b, fmt.Errorf("there is no %s in %s", name, dir)
		}
	}
	// Distributions put links in /usr/bin to programs that look for their files by their own place.
	if resolved, err := filepath.EvalSymlinks(b.program("postgres")); err == nil && isFile(filepath.Join(filepath.Dir(resolved), "initdb")) {
		b.dir = filepath.Dir(resolved)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, b.program("postgres"), "--version")
	cmd.Env = serverEnv()
	out, err := cmd.Output()
	if err != nil {
		return b, fmt.Errorf("running %s --version: %w", b.program("postgres"), err)
	}
	m := versionOutput.FindStringSubmatch(string(out))
	if m == nil {
		return b, fmt.Errorf("%s --version says %q", b.program("postgres"), out)
	}
	major, _ := strconv.Atoi(m[1]) // digits by the pattern
	minor, _ := strconv.Atoi(m[2]) // 0 for "19beta1"
	b.num, b.text = major*10000+minor, m[1]+m[3]
	if m[2] != "" {
		b.text = m[1] + "." + m[2]
	}
	return b, nil
}

func isFile(path string) bool {
	i, err := os.Stat(path)
	return err == nil && i.Mode().IsRegular()
}

// serverEnv is the whole environment of the server: nothing of assay's own,
// which may hold the secrets of a CI job.
func serverEnv() []string {
	env := []string{"PATH=/usr/bin:/bin", "LANG=C", "LC_ALL=C", "TZ=UTC"}
	if runtime.GOOS == "windows" {
		for _, name := range []string{"SystemRoot", "SystemDrive", "PATH", "TEMP", "TMP"} {
			env = append(env, name+"="+os.Getenv(name)) // programs do not start without
		}
	}
	return env
}
