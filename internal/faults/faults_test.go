//go:build linux

package faults

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

var (
	trials  = flag.Int("trials", 6, "how many trials to run: the first so many of the seed")
	only    = flag.Int("trial", -1, "run one trial alone, by its number")
	named   = flag.String("kind", "", "run only kinds whose group and name hold this")
	workers = flag.Int("workers", 2, "how many trials at once, each in a world of its own")
	seed    = flag.Uint64("seed", 1, "what the trials are chosen by")
	update  = flag.Bool("page", false, "write docs/reliability.md")
)

// TestFaults runs the trials. Which they are depends on the seed and on nothing
// else; what a run without harm gives is asked first.
func TestFaults(t *testing.T) {
	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("the go command is not in PATH, which builds the program to be harmed")
	}
	program := filepath.Join(t.TempDir(), "assay")
	for d := filepath.Dir(program); d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		must(t, os.Chmod(d, 0o755)) // trials run as other users, too
	}
	if out, err := exec.Command(goTool, "build", "-tags", "faults", "-o", program, "../../cmd/assay").CombinedOutput(); err != nil {
		t.Fatalf("building the program: %v: %s", err, out)
	}
	all := kinds()
	sum := &tally{counts: make([]count, len(all))}
	t.Run("trials", func(t *testing.T) {
		for i := range *workers {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				sum.work(t, newWorld(t, program), all, i)
			})
		}
	})
	t.Logf("%d trials, %d violations", sum.trials, sum.wrong)
}

// work runs every trial whose turn it is for one of the workers.
func (s *tally) work(t *testing.T, w *world, all []*kind, worker int) {
	t.Helper()
	must(t, os.Mkdir(filepath.Join(w.root, "cache"), 0o755))
	ref := w.reference(histories[0], "")
	if ref.code != 1 {
		t.Skip("no PostgreSQL to run on")
	}
	s.mu.Lock()
	s.version = regexp.MustCompile(`"version": "(\d+\.\d+)"`).FindStringSubmatch(ref.out)[1]
	s.mu.Unlock()
	for n := worker; n < *trials; n += *workers {
		at := order(n, len(all))
		k := all[at]
		if *only >= 0 && n != *only || !strings.Contains(k.group+": "+k.name, *named) {
			continue
		}
		why, o, wrong := w.try(t, n, k)
		if why != "" {
			t.Logf("trial %d, %s: %s: left out: %s", n, k.group, k.name, why)
			continue
		}
		s.add(t, all, at, o.code, len(wrong))
		if len(wrong) > 0 {
			t.Errorf("trial %d, %s: %s:\n  %s\n  it ended with %d and said: %.600s", n, k.group, k.name, strings.Join(wrong, "\n  "), o.code, o.err)
		}
	}
}

// add counts a trial, and writes the page as it then is: a run that is ended keeps what it has.
func (s *tally) add(t *testing.T, all []*kind, kind, code, wrong int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &s.counts[kind]
	if c.codes == nil {
		c.codes = map[int]int{}
	}
	c.codes[code]++
	c.trials++
	s.trials++
	if wrong > 0 {
		c.wrong++
		s.wrong++
	}
	if *update {
		page(t, all, s)
	}
}

// order spreads the kinds: neighbours in the list are alike.
func order(n, kinds int) int {
	step := 37
	for gcd(step, kinds) != 1 {
		step++
	}
	return n * step % kinds
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// count is what the trials of a kind gave.
type count struct {
	trials, wrong int
	codes         map[int]int
}

// tally is what all trials gave.
type tally struct {
	mu            sync.Mutex
	counts        []count // by kind
	trials, wrong int
	version       string
}

// reference runs a history without harm, once; nil if there is no server for it.
func (w *world) reference(h *history, user string) *reference {
	key := h.name + " " + user
	if r := w.refs[key]; r != nil {
		return r
	}
	var r *reference
	for range 2 { // the second finds what the first has kept
		x := &trial{world: w, t: &testing.T{}, h: h, user: user, cache: filepath.Join(w.root, "cache")}
		x.lay("reference")
		o := x.run()
		size, err := os.Stat(filepath.Join(x.dir, "count"))
		if err != nil || o.code < 0 || o.code > 1 {
			fmt.Fprintf(os.Stderr, "a run without harm of %s ends with %d: %s\n", key, o.code, o.err)
			_ = os.RemoveAll(x.dir)
			return &reference{code: o.code, moments: 1}
		}
		if r != nil && r.out != o.out {
			fmt.Fprintf(os.Stderr, "two runs without harm of %s differ\n", key)
		}
		r = &reference{o.code, o.out, int(size.Size())}
		_ = os.RemoveAll(x.dir)
	}
	w.refs[key] = r
	return r
}

// try runs one trial: a run that is harmed, and one that is not.
func (w *world) try(t *testing.T, n int, shared *kind) (why string, o outcome, wrong []string) {
	k := *shared
	rng := rand.New(rand.NewPCG(*seed, uint64(n)))
	x := &trial{world: w, t: t, k: &k, h: histories[rng.IntN(len(histories))], rng: rng, cache: filepath.Join(w.root, "cache"), harm: k.harm}
	if k.group == "a kept base" {
		x.h = histories[rng.IntN(2)] // the third keeps none
	}
	switch {
	case k.root && os.Getuid() != 0:
		return "it takes root", o, nil
	case k.dev && w.dev == nil:
		return "there are no programs of PostgreSQL to make a server with", o, nil
	case k.dev:
		x.user = devUsers[rng.IntN(len(devUsers))]
	}
	ref := w.reference(x.h, x.user)
	if ref.code != 0 && ref.code != 1 {
		return "", outcome{code: ref.code}, []string{"a run without harm fails"}
	}
	x.lay(fmt.Sprintf("t%d", n))
	defer func() {
		for _, f := range x.after {
			f()
		}
		_ = os.RemoveAll(x.dir)
	}()
	if k.cold {
		x.ownCache(false)
	}
	if k.moment {
		most := ref.moments
		if k.cold {
			most += 100
		}
		if k.early > 0 {
			most = min(most, k.early)
		}
		x.at = 1 + rng.IntN(most)
	}
	if k.before != nil {
		k.before(x)
	}
	_ = os.Remove(filepath.Join(x.dir, "count"))
	o = x.run()
	if k.check != nil {
		k.check(x, o)
	}
	x.judge(o, ref)
	for _, f := range x.after {
		f()
	}
	x.after = nil
	x.next(ref)
	return "", o, x.wrong
}

// judge holds the harmed run against what every run has to keep to.
func (x *trial) judge(o outcome, ref *reference) {
	if o.hung {
		x.bad("it did not end")
	}
	if o.code != ref.code && !slices.Contains(x.k.codes, o.code) {
		x.bad("exit code %d, wanted %d or one of %v", o.code, ref.code, x.k.codes)
	}
	if (o.code == 0 || o.code == 1) && o.out != ref.out && x.stdout == nil && !x.k.unread && !slices.Contains(x.args, "--fix") {
		x.bad("the report is not that of a run without harm: %s", difference(o.out, ref.out))
	}
	if o.code >= 2 && o.out != "" && o.out != ref.out { // one of several outputs may be there
		x.bad("a run that failed has written a report: %.200q", o.out)
	}
	if !x.k.silent && o.code >= 2 && !regexp.MustCompile(`(?m)^assay: .{10,}$`).MatchString(o.err) {
		x.bad("it says nothing of use: %.300q", o.err)
	}
	if m := regexp.MustCompile(`panic|goroutine \d|fatal error|runtime:|\x1b|nil pointer`).FindString(o.err + o.out); m != "" {
		x.bad("it says %q: %.1500s", m, o.err)
	}
	if pids := x.gone(); len(pids) > 0 {
		x.bad("processes are left: %v", pids)
		for _, p := range pids {
			_ = syscall.Kill(p, syscall.SIGKILL)
		}
	}
	if left := x.left(); len(left) > 0 && !x.k.stays {
		x.bad("directories are left: %s", strings.Join(left, ", "))
	}
	if x.k.dev && !x.k.stays {
		x.onDev("after the run")
	}
}

// onDev compares what is on the --dev-url server with what was there.
func (x *trial) onDev(when string) {
	x.dev.again(x.t)
	now := x.dev.state(x.t)
	if now != x.dev.before {
		x.bad("on the --dev-url server %s: more %q, less %q", when, missing(now, x.dev.before), missing(x.dev.before, now))
	}
}

// next runs the program without harm: it must not know of what was before.
func (x *trial) next(ref *reference) {
	cache := x.cache
	if i, err := os.Stat(cache); err != nil || !i.IsDir() {
		cache = filepath.Join(x.root, "cache")
	}
	if x.uid != 0 {
		cache = filepath.Join(x.root, "cache")
		for _, d := range []string{"fast", "tmp", "home"} {
			must(x.t, os.Chown(filepath.Join(x.dir, d), 0, 0))
			must(x.t, os.Chmod(filepath.Join(x.dir, d), 0o755))
		}
		x.uid = 0
	}
	if x.user != "" {
		x.dev.again(x.t)
	}
	x.cache, x.project = cache, filepath.Join(x.root, "h", x.h.name)
	x.env, x.args, x.wrap, x.stdout, x.harm, x.at = x.environment(), x.plain(), nil, nil, nil, 0
	o := x.run()
	if o.code != ref.code || o.out != ref.out || o.hung {
		x.bad("the next run ends with %d and not with %d: %s %.600s", o.code, ref.code, difference(o.out, ref.out), o.err)
	}
	if strings.Contains(o.err, "damaged") && !x.k.finds {
		x.bad("the next run still finds damage: %s", o.err)
	}
	if pids := x.gone(); len(pids) > 0 {
		x.bad("processes are left after the next run: %v", pids)
	}
	if left := x.left(); len(left) > 0 {
		x.bad("directories are left after the next run: %s", strings.Join(left, ", "))
	}
	if x.user != "" {
		x.onDev("after the next run")
		if len(x.wrong) > 0 { // the other trials find it as it was
			x.clean()
		}
	}
}

// clean takes from the --dev-url server what does not belong there.
func (x *trial) clean() {
	for range 3 {
		for _, l := range missing(x.dev.state(x.t), x.dev.before) {
			f := strings.Fields(l)
			c, err := x.dev.connect("boss")
			if err != nil {
				return
			}
			ctx := x.t.Context()
			switch f[0] {
			case "database":
				_, _ = c.Exec(ctx, "ALTER DATABASE "+f[1]+" WITH IS_TEMPLATE false")
				_, _ = c.Exec(ctx, "DROP DATABASE "+f[1]+" WITH (FORCE)")
			case "role":
				_, _ = c.Exec(ctx, "DROP ROLE "+f[1])
			case "slot":
				_, _ = c.Exec(ctx, "SELECT pg_drop_replication_slot($1)", f[1])
			}
			_ = c.Close(ctx)
		}
	}
}

// difference is where two reports part.
func difference(a, b string) string {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	if n == len(a) && n == len(b) {
		return "the same bytes"
	}
	from := max(0, n-60)
	return fmt.Sprintf("%q instead of %q", a[min(from, len(a)):min(len(a), n+60)], b[min(from, len(b)):min(len(b), n+60)])
}

const pageFile = "../../docs/reliability.md"

// page writes what was run, and what came of it.
func page(t *testing.T, all []*kind, sum *tally) {
	t.Helper()
	var b bytes.Buffer
	tried := 0
	for _, c := range sum.counts {
		tried += min(c.trials, 1)
	}
	fmt.Fprintf(&b, `# Reliability

`+"`make faults`"+` does harm to runs of assay and writes this page. Each trial is a run that is harmed, most at a moment that is
counted and not timed (a message to the server, a directory that is copied, a start, an end), and then a run that is not.

What must hold in each: the harmed run ends by itself, with the exit code and report of a run without harm or with an
exit code that says that it failed and a line that says why; no process, directory, database, role, replication slot or
prepared transaction is left (what a killed run leaves, the next one takes away); and the next run gives the same bytes
as if nothing had been. Each run had %s to end, and none needed it.

**%d trials of %d kinds out of %d, with the seed %d: %d violations.** Linux, PostgreSQL %s. One trial again:
`+"`go test ./internal/faults -run TestFaults -trials %d -trial N`"+`. The first %s run with every `+"`go test ./...`"+`.

| harm | trials | how the harmed run ended | violations |
|---|---|---|---|
`, guard, sum.trials, tried, len(all), *seed, sum.wrong, sum.version, *trials, flag.Lookup("trials").DefValue)
	for i, k := range all {
		c := sum.counts[i]
		if c.trials == 0 {
			continue
		}
		fmt.Fprintf(&b, "| %s: %s | %d | %s | %d |\n", k.group, k.name, c.trials, ends(c.codes), c.wrong)
	}
	b.WriteString("\nExit codes: 0 and 1 are those of a run without harm, 2 and 3 of one that failed; a signal is one that ended assay.\n")
	must(t, os.WriteFile(pageFile, b.Bytes(), 0o644))
}

func ends(codes map[int]int) string {
	var keys []int
	for c := range codes {
		keys = append(keys, c)
	}
	slices.Sort(keys)
	slices.Reverse(keys)
	var out []string
	for _, c := range keys {
		name := fmt.Sprint(c)
		if c < 0 {
			name = syscall.Signal(-c).String()
		}
		out = append(out, fmt.Sprintf("%s (%d)", name, codes[c]))
	}
	return strings.Join(out, ", ")
}

// TestPage holds the page against the kinds: what is on it can be tried again.
func TestPage(t *testing.T) {
	b, err := os.ReadFile(pageFile)
	must(t, err)
	known := map[string]bool{}
	for _, k := range kinds() {
		known[k.group+": "+k.name] = true
	}
	for _, m := range regexp.MustCompile(`(?m)^\| ([^|]+) \| \d+ \|`).FindAllStringSubmatch(string(b), -1) {
		if !known[m[1]] {
			t.Errorf("%s is in docs/reliability.md and no kind of harm: run make faults", m[1])
		}
	}
}
