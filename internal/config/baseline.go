package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/lint"
)

// BaselineFile is the baseline's default name.
const BaselineFile = "assay.baseline.json"

// Baseline is the list of findings that were there when a team began with
// assay. They do not count; new ones do.
type Baseline struct {
	Version  string     `json:"version"` // of the file's format: "1"
	Findings []Accepted `json:"findings"`

	file  string
	known map[string]bool // by fingerprint, once asked for
	used  map[string]bool
}

// Accepted is one finding of a baseline. Only the fingerprint decides; the
// rest is for people who read the file or its diff.
type Accepted struct {
	ID          string `json:"id"`
	Path        string `json:"path"`
	Object      string `json:"object,omitempty"`
	Message     string `json:"message"`
	Fingerprint string `json:"fingerprint"`
}

// ReadBaseline reads a baseline. A key that it does not know, a missing
// fingerprint or another format version is an error.
func ReadBaseline(fsys fs.FS, name string) (*Baseline, error) {
	src, err := fs.ReadFile(fsys, path.Clean(name))
	if err != nil {
		return nil, fmt.Errorf("reading the baseline: %w", err)
	}
	b := &Baseline{file: name, used: map[string]bool{}}
	dec := json.NewDecoder(bytes.NewReader(src))
	dec.DisallowUnknownFields()
	err = dec.Decode(b)
	if err == nil {
		if _, more := dec.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("something follows after its end")
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%s is not a baseline: %w; write it again with assay lint --write-baseline", name, err)
	}
	if b.Version != "1" {
		return nil, fmt.Errorf("%s has format version %q, but this assay reads version \"1\": write it again with assay lint --write-baseline", name, b.Version)
	}
	for i, a := range b.Findings {
		if a.Fingerprint == "" {
			return nil, fmt.Errorf("%s: finding %d (%s in %s) has no fingerprint", name, i+1, a.ID, a.Path)
		}
	}
	return b, nil
}

// NewBaseline is the baseline that accepts the findings.
func NewBaseline(findings []*lint.Finding) *Baseline {
	b := &Baseline{Version: "1", Findings: []Accepted{}, used: map[string]bool{}}
	for _, f := range findings {
		b.Findings = append(b.Findings, Accepted{f.ID, f.Path, f.Object, f.Message, f.Fingerprint})
	}
	slices.SortFunc(b.Findings, func(x, y Accepted) int {
		return slices.Compare(
			[]string{x.Path, x.ID, x.Object, x.Message, x.Fingerprint},
			[]string{y.Path, y.ID, y.Object, y.Message, y.Fingerprint})
	})
	b.Findings = slices.Compact(b.Findings)
	return b
}

// Write writes the baseline, the same bytes for the same findings.
func (b *Baseline) Write(w io.Writer) error {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(b); err != nil {
		return fmt.Errorf("writing the baseline: %w", err)
	}
	if _, err := w.Write(out.Bytes()); err != nil {
		return fmt.Errorf("writing the baseline: %w", err)
	}
	return nil
}

// Has says whether the baseline accepts the finding, and remembers that it
// was asked for. A nil baseline accepts nothing.
func (b *Baseline) Has(f *lint.Finding) bool {
	if b == nil || f.Fingerprint == "" {
		return false
	}
	if b.known == nil {
		b.known = map[string]bool{}
		for _, a := range b.Findings {
			b.known[a.Fingerprint] = true
		}
	}
	if !b.known[f.Fingerprint] {
		return false
	}
	b.used[f.Fingerprint] = true
	return true
}

// Unused are the entries that Has was not asked for and that lie in one of
// the paths that were linted: what they accepted is mended, and they can go.
func (b *Baseline) Unused(linted []string) []Accepted {
	if b == nil {
		return nil
	}
	var out []Accepted
	for _, a := range b.Findings {
		if !b.used[a.Fingerprint] && slices.Contains(linted, a.Path) {
			out = append(out, a)
		}
	}
	return out
}

// Path is the file the baseline was read from.
func (b *Baseline) Path() string { return strings.TrimPrefix(path.Clean(b.file), "./") }
