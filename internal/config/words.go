package config

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Duration is a time span: 500ms, 30s, 5m, 2h, 30d. Zero means the default.
type Duration time.Duration

func (d *Duration) parse(text string) error {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n > 0 && n < 36500 {
			*d = Duration(time.Duration(n) * 24 * time.Hour)
			return nil
		}
	}
	v, err := time.ParseDuration(text)
	if err != nil || v <= 0 {
		return fmt.Errorf("%q is no duration: write it as 500ms, 30s, 5m, 2h or 30d", text)
	}
	*d = Duration(v)
	return nil
}

// Or is the duration, or def if none is given.
func (d Duration) Or(def time.Duration) time.Duration {
	if d == 0 {
		return def
	}
	return time.Duration(d)
}

// Rows is a number of rows: 5000, 10k, 2M, 1G. Zero means the default.
type Rows int64

var rows = regexp.MustCompile(`^([0-9][0-9_]{0,8})([kMG]?)$`)

func (r *Rows) parse(text string) error {
	m := rows.FindStringSubmatch(text)
	if m == nil {
		return fmt.Errorf("%q is no number of rows: write it as 5000, 10k, 2M or 1G", text)
	}
	n, err := strconv.ParseInt(strings.ReplaceAll(m[1], "_", ""), 10, 64)
	if err != nil {
		return fmt.Errorf("%q is no number of rows: %w", text, err)
	}
	*r = Rows(n * map[string]int64{"": 1, "k": 1e3, "M": 1e6, "G": 1e9}[m[2]])
	return nil
}

// Or is the number, or def if none is given.
func (r Rows) Or(def int64) int64 {
	if r == 0 {
		return def
	}
	return int64(r)
}

var severities = []string{"off", "on", "info", "warning", "error"}

func oneOf(kind, text string, choices []string, into *string) error {
	if !slices.Contains(choices, text) {
		return fmt.Errorf("%s", unknown(kind, text, choices))
	}
	*into = text
	return nil
}

func (c *Check) short(text string) error { return oneOf("severity", text, severities, &c.Severity) }
func (r *Rule) short(text string) error  { return oneOf("level", text, severities, &r.Level) }

func (e *Enforcement) short(text string) error {
	return oneOf("level", text, []string{Advisory, Overridable, Mandatory}, &e.Level)
}

func (p *Policy) short(text string) error {
	p.Dir = text
	return nil
}

func (e *Extension) short(text string) error {
	e.Name = text
	return nil
}

func (p *Proofs) short(text string) error {
	var word string
	if err := oneOf("value", text, []string{"on", "off"}, &word); err != nil {
		return err
	}
	p.Off = word == "off"
	return nil
}

func (c *Comment) short(text string) error {
	var word string
	if err := oneOf("value", text, []string{"on", "off"}, &word); err != nil {
		return err
	}
	c.Off = word == "off"
	return nil
}

// unknown says that a word is not among the choices, which one may be meant,
// and what the choices are.
func unknown(kind, word string, choices []string) string {
	return unknownIn(kind, word, "", choices)
}

func unknownIn(kind, word, in string, choices []string) string {
	s := fmt.Sprintf("unknown %s %q%s", kind, word, in)
	if near := Nearest(word, choices, 1); len(near) > 0 {
		s += fmt.Sprintf(", did you mean %q?", near[0])
	}
	if len(choices) > 0 {
		s += " (one of " + strings.Join(choices, ", ") + ")"
	}
	return s
}

// Nearest are the choices that look most like the word, at most n of them,
// best first; none if nothing is near.
func Nearest(word string, choices []string, n int) []string {
	type scored struct {
		choice string
		far    int
	}
	var near []scored
	low := strings.ToLower(word)
	for _, c := range choices {
		far := distance(low, strings.ToLower(c))
		if len(low) >= 4 && strings.Contains(strings.ToLower(c), low) {
			far = min(far, 2)
		}
		if far <= max(1, len(low)/3) {
			near = append(near, scored{c, far})
		}
	}
	slices.SortStableFunc(near, func(a, b scored) int { return a.far - b.far })
	var out []string
	for _, s := range near[:min(n, len(near))] {
		out = append(out, s.choice)
	}
	return out
}

// distance counts the letters to add, drop, replace or swap with the next one
// to turn a into b.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	var before, last []int
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(x); i++ {
		before, last = last, row
		row = make([]int, len(y)+1)
		row[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(y)]
}
