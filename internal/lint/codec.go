package lint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
)

// FormatVersion is the version of the wire format that this package writes and
// reads. Within one version keys are only added.
const FormatVersion = "1"

// maxReport bounds what Decode reads: a report may come from a job that a
// stranger's pull request runs.
const maxReport = 256 << 20

// Encode writes r in the wire format, indented, ending in a newline. Lists that
// are not marked optional are written as [] when empty, never as null.
func Encode(w io.Writer, r *Result) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(filled(r))
}

// filled returns r with empty lists in the place of missing ones.
func filled(r *Result) *Result {
	c := *r
	c.Version = FormatVersion
	c.Migrations = slices.Clone(r.Migrations)
	for i, m := range c.Migrations {
		m2 := *m
		m2.Statements = make([]*Statement, len(m.Statements))
		for j, s := range m.Statements {
			s2 := *s
			s2.Locks, s2.Held = some(s.Locks), some(s.Held)
			s2.Rewrites, s2.Scans, s2.Dropped = some(s.Rewrites), some(s.Scans), some(s.Dropped)
			m2.Statements[j] = &s2
		}
		c.Migrations[i] = &m2
	}
	c.Findings = make([]*Finding, len(r.Findings))
	for i, f := range r.Findings {
		c.Findings[i] = filledFinding(f)
	}
	c.Suppressed = make([]*Suppressed, len(r.Suppressed))
	for i, s := range r.Suppressed {
		s2 := *s
		s2.Finding = filledFinding(s.Finding)
		c.Suppressed[i] = &s2
	}
	c.Migrations = some(c.Migrations)
	return &c
}

func filledFinding(f *Finding) *Finding {
	c := *f
	c.Evidence = some(f.Evidence)
	return &c
}

func some[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// Decode reads a result in the wire format. It is strict, because the report
// may come from a job that a stranger controls: an unknown key, another
// version, a severity that does not exist, a path that leaves the project or a
// reference to a statement that is not there is an error. The summary is
// counted anew rather than believed.
func Decode(rd io.Reader) (*Result, error) {
	data, err := io.ReadAll(io.LimitReader(rd, maxReport+1))
	if err != nil {
		return nil, fmt.Errorf("reading the report: %w", err)
	}
	if len(data) > maxReport {
		return nil, fmt.Errorf("reading the report: it is larger than %d MiB", maxReport>>20)
	}
	var head struct {
		Version *string `json:"version"`
		Tool    Tool    `json:"tool"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, fmt.Errorf("reading the report: %s; give the file that assay lint -o json=FILE wrote", where(data, err))
	}
	if head.Version == nil {
		return nil, errors.New(`reading the report: it has no "version"; give the file that assay lint -o json=FILE wrote`)
	}
	if *head.Version != FormatVersion {
		return nil, fmt.Errorf("reading the report: it has format version %q, this assay reads version %s; use one release of assay in both jobs (the report is by %s %s)",
			*head.Version, FormatVersion, head.Tool.Name, head.Tool.Version)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	r := new(Result)
	if err := d.Decode(r); err != nil {
		return nil, fmt.Errorf("reading the report: %s; the report is by %s %s, use one release of assay in both jobs", where(data, err), head.Tool.Name, head.Tool.Version)
	}
	if err := valid(r); err != nil {
		return nil, fmt.Errorf("reading the report: %w", err)
	}
	Summarize(r)
	return r, nil
}

// where adds the line to an error of the JSON decoder that knows its offset.
func where(data []byte, err error) string {
	text := strings.TrimPrefix(err.Error(), "json: ")
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	at := int64(-1)
	switch {
	case errors.As(err, &syntax):
		at = syntax.Offset
	case errors.As(err, &kind):
		at = kind.Offset
	}
	if at < 0 || at > int64(len(data)) {
		return text
	}
	return fmt.Sprintf("line %d: %s", 1+bytes.Count(data[:at], []byte("\n")), text)
}

func valid(r *Result) error {
	for i, m := range r.Migrations {
		if m == nil || slices.Contains(m.Statements, nil) {
			return fmt.Errorf("migrations[%d] is null or has a null statement", i)
		}
		if err := local(m.Path); err != nil {
			return fmt.Errorf("migrations[%d]: %w", i, err)
		}
	}
	for i, f := range r.Findings {
		if err := validFinding(r, f); err != nil {
			return fmt.Errorf("findings[%d]: %w", i, err)
		}
	}
	for i, s := range r.Suppressed {
		if s == nil {
			return fmt.Errorf("suppressed[%d] is null", i)
		}
		if err := validFinding(r, s.Finding); err != nil {
			return fmt.Errorf("suppressed[%d]: %w", i, err)
		}
	}
	return nil
}

func validFinding(r *Result, f *Finding) error {
	if f == nil {
		return errors.New("it is null")
	}
	if f.Severity.Rank() == 0 {
		return fmt.Errorf("severity %q is none of info, warning, error", f.Severity)
	}
	if f.ID == "" {
		return errors.New("it has no id")
	}
	if f.Migration < -1 || f.Migration >= len(r.Migrations) {
		return fmt.Errorf("it names migration %d of %d", f.Migration, len(r.Migrations))
	}
	if f.Statement < -1 || f.Statement >= 0 && (f.Migration < 0 || f.Statement >= len(r.Migrations[f.Migration].Statements)) {
		return fmt.Errorf("it names statement %d, which is not there", f.Statement)
	}
	if f.Line < 0 || f.EndLine < 0 || f.Column < 0 || f.EndColumn < 0 {
		return errors.New("its place has a negative number")
	}
	if f.Fix != nil {
		for _, n := range f.Fix.Files {
			if err := local(n.Path); err != nil {
				return err
			}
		}
		for _, e := range f.Fix.Edits {
			if err := local(e.Pos.Path); err != nil {
				return err
			}
		}
	}
	return local(f.Path)
}

func local(path string) error {
	if path != "" && !fs.ValidPath(path) {
		return fmt.Errorf("path %q is not a path within the project", path)
	}
	return nil
}
