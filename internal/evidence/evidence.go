// Package evidence writes what a review found as in-toto attestations, and holds
// migration files against them. It reads and writes no files and asks no clock.
package evidence

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/lint"
)

// The types of statements. The verdict is a Simple Verification Result of in-toto
// (version 0.1); the review is assay's own and described in docs/evidence.md.
const (
	StatementType = "https://in-toto.io/Statement/v1"
	VerdictType   = "https://in-toto.io/attestation/svr/v0.1"
	ReviewType    = "https://github.com/assaydb/assay/migration-review/v1"
	VerifierID    = "https://github.com/assaydb/assay/v1"
)

// Passed is the property of a verdict that says that the review passed.
const Passed = "ASSAY_MIGRATIONS_REVIEWED"

// Statement is an in-toto statement.
type Statement struct {
	Type          string          `json:"_type"`
	Subject       []Subject       `json:"subject"`
	PredicateType string          `json:"predicateType"`
	Predicate     json.RawMessage `json:"predicate"`
}

// Subject is what a statement is about: a file by its path and sha256, or the
// commit by its gitCommit.
type Subject struct {
	Name   string            `json:"name"`
	Digest map[string]string `json:"digest"`
}

// verdict is the predicate of a Simple Verification Result.
type verdict struct {
	Verifier struct {
		ID string `json:"id"`
	} `json:"verifier"`
	TimeCreated string   `json:"timeCreated"`
	Properties  []string `json:"properties"`
}

// Review is the predicate of what was found. It holds no text of statements, no
// message and no value: those may be secrets.
type Review struct {
	Tool       lint.Tool     `json:"tool"`
	Database   lint.Database `json:"database"`
	Time       string        `json:"time"` // RFC 3339, UTC
	Repository string        `json:"repository,omitempty"`
	Commit     string        `json:"commit,omitempty"`
	Pull       int           `json:"pull_request,omitempty"`
	Author     string        `json:"author,omitempty"`
	Run        string        `json:"run,omitempty"` // address of the CI's run
	Directory  string        `json:"directory"`
	Format     string        `json:"format"`
	FailOn     string        `json:"fail_on"`
	Passed     bool          `json:"passed"`
	Summary    lint.Summary  `json:"summary"`
	// Judged are the files that decided: configuration, policies, owners, baseline and statistics.
	Judged     []Subject    `json:"judged_by"`
	Findings   []Finding    `json:"findings"`
	Suppressed []Suppressed `json:"suppressed"`
	Approved   []Approval   `json:"approved"` // approvals that stand for the commit
	Waiting    []Wanted     `json:"waiting"`  // approvals that are missing
}

// Finding is what a check or rule found, and where.
type Finding struct {
	ID          string        `json:"id"`
	Name        string        `json:"name"`
	Severity    lint.Severity `json:"severity"`
	Path        string        `json:"path"`
	Line        int           `json:"line"`
	Fingerprint string        `json:"fingerprint"`
}

// Suppressed is a finding that does not count, and why.
type Suppressed struct {
	Finding
	By     string `json:"by"` // "directive", "baseline", "config"
	Reason string `json:"reason,omitempty"`
	Where  string `json:"where,omitempty"`
	Author string `json:"author,omitempty"` // who committed the line of Where
	Own    bool   `json:"own_change,omitempty"`
}

// Approval is somebody's approval of the commit.
type Approval struct {
	User  string   `json:"user"`
	Teams []string `json:"teams,omitempty"`
}

// Wanted is an approval that is missing.
type Wanted struct {
	ID  string `json:"id"`
	Who string `json:"who"`
}

// FindingOf leaves out of a finding what may be a secret.
func FindingOf(f *lint.Finding) Finding {
	return Finding{f.ID, f.Name, f.Severity, f.Path, f.Line, f.Fingerprint}
}

// Statements are the two statements of a review: its verdict and its detail. A
// review that did not pass has a verdict without the property Passed.
func Statements(subjects []Subject, r *Review) ([]Statement, error) {
	v := verdict{TimeCreated: r.Time, Properties: []string{}}
	v.Verifier.ID = VerifierID
	if r.Passed {
		v.Properties = append(v.Properties, Passed)
	}
	var out []Statement
	for _, p := range []struct {
		kind      string
		predicate any
	}{{VerdictType, v}, {ReviewType, r}} {
		text, err := json.Marshal(p.predicate)
		if err != nil {
			return nil, fmt.Errorf("writing evidence: %w", err)
		}
		out = append(out, Statement{StatementType, subjects, p.kind, text})
	}
	return out, nil
}

// Claim is a review that was read, with what is known of its signature.
type Claim struct {
	Subject []Subject
	Review  Review
	Signed  bool   // the given key signed it
	Source  string // file and line, for messages
}

// Rules say what a file needs.
type Rules struct {
	Unsigned bool              // somebody else has checked the signatures
	Judged   map[string]string // sha256 of the files that decide, by path; nil: they are not compared
}

// Verdict says whether a file may be deployed, and why.
type Verdict struct {
	Path string `json:"path"`
	OK   bool   `json:"ok"`
	Why  string `json:"why"`
}

// Check holds a file against claims. Of several about it the newest decides that
// the rules leave.
func Check(path, sha256 string, claims []Claim, rules Rules) Verdict {
	var about []Claim
	changed, elsewhere := "", ""
	for _, c := range claims {
		for _, s := range c.Subject {
			same := s.Name == path || strings.HasSuffix(path, "/"+s.Name) || strings.HasSuffix(s.Name, "/"+path)
			switch {
			case s.Digest["sha256"] == "":
			case same && s.Digest["sha256"] == sha256:
				about = append(about, c)
			case same:
				changed = fmt.Sprintf("it was changed after its review: sha256 %s was reviewed (%s), and the file has %s", short(s.Digest["sha256"]), c.Source, short(sha256))
			case s.Digest["sha256"] == sha256:
				elsewhere = fmt.Sprintf("its content was reviewed under another name: %s (%s)", s.Name, c.Source)
			}
		}
	}
	slices.SortStableFunc(about, func(a, b Claim) int { return strings.Compare(b.Review.Time, a.Review.Time) })
	why := ""
	for _, c := range about {
		w := refusal(c, rules)
		if w == "" {
			return Verdict{path, true, accepted(c)}
		}
		if why == "" {
			why = w
		}
	}
	switch {
	case why != "":
	case changed != "":
		why = changed
	case elsewhere != "":
		why = elsewhere
	default:
		why = "no evidence names it: review it with assay ci --evidence, and hand over the file that it writes"
	}
	return Verdict{path, false, why}
}

func short(digest string) string { return digest[:min(len(digest), 12)] }

// refusal says why a claim about the very file does not do; empty if it does.
func refusal(c Claim, rules Rules) string {
	r := c.Review
	switch {
	case !c.Signed && !rules.Unsigned:
		return "the evidence is not signed by the key (" + c.Source + ")"
	case len(r.Waiting) > 0:
		return fmt.Sprintf("the approval of %s is missing for %s (%s)", r.Waiting[0].Who, r.Waiting[0].ID, c.Source)
	case !r.Passed:
		return fmt.Sprintf("the review did not pass: %d errors, %d warnings (%s)", r.Summary.Errors, r.Summary.Warnings, c.Source)
	}
	if rules.Judged == nil {
		return ""
	}
	then := map[string]string{}
	for _, s := range r.Judged {
		then[s.Name] = s.Digest["sha256"]
	}
	for _, name := range sortedKeys(then, rules.Judged) {
		switch was, is := then[name], rules.Judged[name]; {
		case was == is:
		case was == "":
			return fmt.Sprintf("it was reviewed without %s, which decides now (%s)", name, c.Source)
		case is == "":
			return fmt.Sprintf("it was reviewed by %s, which decides no longer (%s)", name, c.Source)
		default:
			return fmt.Sprintf("it was reviewed by another version of %s (%s)", name, c.Source)
		}
	}
	return ""
}

func sortedKeys(maps ...map[string]string) []string {
	var out []string
	for _, m := range maps {
		for k := range m {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func accepted(c Claim) string {
	r := c.Review
	s := "reviewed"
	if r.Commit != "" {
		s += " at " + short(r.Commit)
	}
	s += " on " + r.Time[:min(10, len(r.Time))]
	if n := r.Summary.Warnings; n > 0 {
		s += fmt.Sprintf(", %d warnings", n)
	}
	if n := len(r.Suppressed); n > 0 {
		s += fmt.Sprintf(", %d suppressed", n)
	}
	var who []string
	for _, a := range r.Approved {
		who = append(who, a.User)
	}
	if len(who) > 0 {
		s += ", approved by " + strings.Join(who, ", ")
	}
	return s
}
