package gitdiff

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"
)

// ErrNoGit says that there is no history to compare with: the directory is in
// no git checkout, the repository has no commit, or git is not installed.
var ErrNoGit = errors.New("there is no git history to compare with")

// ErrNoBase says that there is history, but not which commit to compare with,
// or that the commit is not in this clone.
var ErrNoBase = errors.New("the commit to compare with is not known")

// repo runs git in one directory.
type repo struct {
	dir string
	env []string
}

// passed are the variables that git may see. Everything else called GIT_…
// stays out: inside a hook git sets GIT_DIR and GIT_INDEX_FILE, which would
// send our commands to another repository or index.
var passed = []string{
	"PATH", "HOME", "USER", "LOGNAME", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "PROGRAMDATA", "SYSTEMROOT",
	"TMPDIR", "TEMP", "TMP", "XDG_CONFIG_HOME", "SSH_AUTH_SOCK", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "no_proxy",
	"GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_CEILING_DIRECTORIES", "GIT_DISCOVERY_ACROSS_FILESYSTEM",
	"GIT_CONFIG_COUNT",
}

func newRepo(dir string, getenv func(string) string) *repo {
	env := []string{"LC_ALL=C", "GIT_TERMINAL_PROMPT=0", "GIT_OPTIONAL_LOCKS=0", "GIT_PAGER=cat", "GIT_ASKPASS=", "SSH_ASKPASS="}
	pass := func(key string) bool {
		v := getenv(key)
		if v != "" {
			env = append(env, key+"="+v)
		}
		return v != ""
	}
	for _, key := range passed {
		pass(key)
	}
	// GIT_CONFIG_COUNT is how containers hand in safe.directory.
	for i := 0; i < 100 && pass(fmt.Sprintf("GIT_CONFIG_KEY_%d", i)); i++ {
		env = append(env, fmt.Sprintf("GIT_CONFIG_VALUE_%d=%s", i, getenv(fmt.Sprintf("GIT_CONFIG_VALUE_%d", i))))
	}
	return &repo{dir: dir, env: env}
}

// in is the repository that holds another directory.
func (r *repo) in(dir string) *repo { return &repo{dir: dir, env: r.env} }

// failure is what git said when it failed.
type failure struct {
	args   []string
	stderr string
	err    error
}

func (f *failure) Error() string {
	said := strings.TrimSpace(f.stderr)
	if said == "" {
		said = f.err.Error()
	}
	return fmt.Sprintf("git %s: %s", f.args[0], said)
}

func (f *failure) Unwrap() error { return f.err }

// run runs git with arguments, never through a shell.
func (r *repo) run(ctx context.Context, args ...string) ([]byte, error) {
	return r.runWith(ctx, nil, args...)
}

// runWith is run with something on standard input.
func (r *repo) runWith(ctx context.Context, stdin io.Reader, args ...string) ([]byte, error) {
	// The configuration of the repository may name a program to run for each
	// of these; nothing here needs one. A directory of the checkout that is laid
	// out like a bare repository is its author's: it is none for us.
	global := []string{"--no-pager", "--literal-pathspecs", "-c", "core.quotepath=false", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null",
		"-c", "safe.bareRepository=explicit", "-c", "color.ui=false", "-c", "diff.noprefix=false"}
	cmd := exec.CommandContext(ctx, "git", append(global, args...)...)
	cmd.Dir, cmd.Env, cmd.Stdin = r.dir, r.env, stdin
	cmd.WaitDelay = 5 * time.Second
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	err := cmd.Run()
	if err == nil {
		return out.Bytes(), nil
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("git %s: %w", args[0], ctx.Err())
	}
	if errors.Is(err, exec.ErrNotFound) {
		return nil, fmt.Errorf("%w: git is not installed or not in PATH", ErrNoGit)
	}
	return nil, explain(&failure{args, stderr.String(), err}, r.dir)
}

// explain turns the failures that people meet in CI into what to do.
func explain(f *failure, dir string) error {
	switch {
	case strings.Contains(f.stderr, "dubious ownership"):
		return fmt.Errorf("git does not trust %s because another user owns it (usual in containers); allow it with\n\tgit config --global --add safe.directory %s", dir, safeDirectory(f.stderr, dir))
	case strings.Contains(f.stderr, "not a git repository"):
		return fmt.Errorf("%w: %s is not in a git checkout", ErrNoGit, dir)
	case strings.Contains(f.stderr, "cannot use bare repository"):
		return fmt.Errorf("%s holds HEAD, objects and refs as a bare repository does: its configuration could have git run any program, so it is not used; take them out", dir)
	case strings.Contains(f.stderr, "must be run in a work tree"):
		return fmt.Errorf("%w: %s is a bare repository", ErrNoGit, dir)
	}
	return f
}

// safeDirectory is the directory that git asks to be named: the root of the
// checkout, not the directory that was asked about.
func safeDirectory(stderr, dir string) string {
	_, after, ok := strings.Cut(stderr, "safe.directory ")
	if !ok {
		return dir
	}
	line, _, _ := strings.Cut(after, "\n")
	return strings.TrimSpace(line)
}

// line is run for commands that print one line.
func (r *repo) line(ctx context.Context, args ...string) (string, error) {
	out, err := r.run(ctx, args...)
	return strings.TrimRight(string(out), "\r\n"), err
}

// Tracked reports whether a file is one of the repository that dir is in, its
// submodules included: a commit of that repository can change it.
func Tracked(ctx context.Context, dir, file string, getenv func(string) string) bool {
	out, err := newRepo(dir, getenv).run(ctx, "ls-files", "--recurse-submodules", "--", file)
	return err == nil && len(out) > 0
}

// Author names who committed a line of a file as it is now: "Ada <ada@example.com>";
// empty if nobody has, or git does not know.
func Author(ctx context.Context, dir, file string, line int, getenv func(string) string) string {
	out, err := newRepo(dir, getenv).run(ctx, "blame", "--line-porcelain", "-L", fmt.Sprintf("%d,%d", line, line), "--", file)
	if err != nil {
		return ""
	}
	found := map[string]string{}
	for l := range strings.Lines(string(out)) {
		k, v, _ := strings.Cut(strings.TrimRight(l, "\n"), " ")
		found[k] = v
	}
	if found["author"] == "" || found["author"] == "Not Committed Yet" {
		return ""
	}
	return found["author"] + " " + found["author-mail"]
}

// ChangedFiles are the files of the checkout that differ from a commit, from the
// repository's root.
func ChangedFiles(ctx context.Context, dir, base string, getenv func(string) string) ([]string, error) {
	out, err := newRepo(dir, getenv).run(ctx, "diff", "--no-ext-diff", "--no-textconv", "--name-only", "-z", base, "--")
	if err != nil {
		return nil, fmt.Errorf("listing the changed files: %w", err)
	}
	return strings.FieldsFunc(string(out), func(r rune) bool { return r == 0 }), nil
}

// commit is the id of the commit that a name stands for, "" if there is none.
func (r *repo) commit(ctx context.Context, name string) string {
	if name == "" || strings.HasPrefix(name, "-") {
		return ""
	}
	id, err := r.line(ctx, "rev-parse", "--verify", "--quiet", name+"^{commit}")
	if err != nil {
		return ""
	}
	return id
}

// shallow says whether the clone lacks part of the history.
func (r *repo) shallow(ctx context.Context) bool {
	s, err := r.line(ctx, "rev-parse", "--is-shallow-repository")
	return err == nil && s == "true"
}
