package integrations

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/lint"
)

// Consent is what reviewers said about the findings that ask for an approval.
type Consent struct {
	Set     string          // names the set of findings that was asked about
	Waiting []*lint.Finding // not approved yet
	By      []string        // who approved, sorted
	Left    []Left          // what could not be asked
}

// Asking are the findings that ask for an approval.
func Asking(findings []*lint.Finding) []*lint.Finding {
	var out []*lint.Finding
	for _, f := range findings {
		if f.Approval != nil {
			out = append(out, f)
		}
	}
	return out
}

// Approve asks the host who approved this very set of findings: an approval of
// the head commit, of a commit whose status named the same set, or one that
// names the set in its words. Another finding makes another set, which asks
// again. What cannot be asked is not approved. a is nil where there is nobody
// to ask.
func Approve(ctx context.Context, a Approvers, findings []*lint.Finding) (Consent, error) {
	asking := Asking(findings)
	var prints []string
	for _, f := range asking {
		prints = append(prints, f.Fingerprint)
	}
	slices.Sort(prints)
	c := Consent{Set: SetID(prints), Waiting: asking}
	if len(asking) == 0 || a == nil {
		return c, nil
	}
	votes, err := Ask(ctx, func() ([]Vote, error) { return a.Votes(ctx) })
	if err != nil {
		return c, c.unasked("reading the approvals", err)
	}
	votes = slices.DeleteFunc(votes, func(v Vote) bool { return !v.Current && v.Set != c.Set && !strings.Contains(v.Body, c.Set) })
	c.Waiting = nil
	by := map[string]bool{}
	for _, f := range asking {
		who, err := c.find(ctx, a, votes, *f.Approval)
		if err != nil {
			return c, err
		}
		if who == "" {
			c.Waiting = append(c.Waiting, f)
			continue
		}
		by[who] = true
	}
	for who := range by {
		c.By = append(c.By, who)
	}
	slices.Sort(c.By)
	return c, nil
}

// find returns the first voter that the approval asks for, "" if there is none.
func (c *Consent) find(ctx context.Context, a Approvers, votes []Vote, want lint.Approval) (string, error) {
	for _, v := range votes {
		switch {
		case want.User != "" && strings.EqualFold(strings.TrimPrefix(want.User, "@"), v.User), want.User == "" && want.Team == "":
			return v.User, nil
		case want.Team != "":
			ok, err := Ask(ctx, func() (bool, error) { return a.Member(ctx, v.User, want.Team) })
			if err != nil {
				if err := c.unasked("asking who belongs to "+want.Team, err); err != nil {
					return "", err
				}
				return "", nil
			}
			if ok {
				return v.User, nil
			}
		}
	}
	return "", nil
}

// unasked notes a host's refusal; another error is returned.
func (c *Consent) unasked(what string, err error) error {
	var f *Failure
	if !errors.As(err, &f) {
		return err
	}
	if !slices.ContainsFunc(c.Left, func(l Left) bool { return l.What == what }) {
		c.Left = append(c.Left, Left{what, f})
	}
	return nil
}
