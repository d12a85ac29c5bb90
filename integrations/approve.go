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
	votes = slices.DeleteFunc(votes, func(v Vote) bool { return v.Bot || v.Author })
	c.Waiting = nil
	poll := &poll{asker: a, writes: map[string]bool{}}
	by := map[string]bool{}
	for _, f := range asking {
		who, err := c.find(ctx, poll, votes, f.Approval)
		if err != nil {
			return c, err
		}
		if len(who) < f.Approval.Need() {
			c.Waiting = append(c.Waiting, f)
			continue
		}
		for _, user := range who {
			by[user] = true
		}
	}
	for who := range by {
		c.By = append(c.By, who)
	}
	slices.Sort(c.By)
	return c, nil
}

// poll asks the host about voters, about each once.
type poll struct {
	asker  Approvers
	writes map[string]bool
}

// find returns the people whom the approval asks for, as many as it needs at most.
func (c *Consent) find(ctx context.Context, p *poll, votes []Vote, want *lint.Approval) ([]string, error) {
	var out []string
	for _, v := range votes {
		if len(out) == want.Need() {
			break
		}
		if slices.ContainsFunc(out, func(u string) bool { return strings.EqualFold(u, v.User) }) {
			continue
		}
		ok, err := c.asked(ctx, p, v.User, want)
		if err == nil && ok {
			ok, err = c.mayWrite(ctx, p, v.User)
		}
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, v.User)
		}
	}
	return out, nil
}

// asked reports whether the user is one of those whom the approval asks for.
func (c *Consent) asked(ctx context.Context, p *poll, user string, want *lint.Approval) (bool, error) {
	if want.Anybody { // who may write, which is asked of everybody
		return true, nil
	}
	if slices.ContainsFunc(want.AllUsers(), func(u string) bool { return strings.EqualFold(strings.TrimPrefix(u, "@"), user) }) {
		return true, nil
	}
	for _, team := range want.AllTeams() {
		ok, err := Ask(ctx, func() (bool, error) { return p.asker.Member(ctx, user, team) })
		if err != nil {
			if err := c.unasked("asking who belongs to "+team, err); err != nil {
				return false, err
			}
			continue
		}
		if ok {
			return true, nil
		}
	}
	return false, nil
}

// mayWrite reports whether a voter may write to the project.
func (c *Consent) mayWrite(ctx context.Context, p *poll, user string) (bool, error) {
	if ok, known := p.writes[user]; known {
		return ok, nil
	}
	ok, err := Ask(ctx, func() (bool, error) { return p.asker.Writes(ctx, user) })
	if err != nil {
		if err := c.unasked("asking whether "+user+" may write to the project", err); err != nil {
			return false, err
		}
	}
	p.writes[user] = ok
	return ok, nil
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
