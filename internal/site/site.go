// Package site makes a static site of the evidence of many reviews. It reads no
// files and asks no clock: the same reviews and date give the same bytes.
package site

import (
	"bytes"
	"cmp"
	"embed"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"

	"github.com/assaydb/assay/internal/evidence"
)

//go:embed page.html
var pages embed.FS

// Page is the name of the only file: styles and the search are in it.
const Page = "index.html"

// unnamed is the repository of reviews that do not say theirs.
const unnamed = "(no repository)"

type page struct {
	Date         string
	Reviews      int
	Repositories []*repository
	Waiting      []waiting
	Ignores      []ignore
	Checks       []check
	Months       []month
}

type repository struct {
	Name, Last, Commit, Author, Run string
	Pull                            int
	Passed                          bool
	Waits                           bool
	Errors, Warnings, Suppressed    int
	Reviews                         int
}

type waiting struct{ Repository, ID, Who, Since, Run string }

type ignore struct {
	Repository, ID, Place, Reason, By, Author, Since string
	Days                                             int
}

type check struct {
	ID, Name             string
	Findings, Suppressed int
	Width                int // of its bar, of 100
}

type month struct {
	Name                     string
	Reviews, Failed, Errors  int
	PassedWidth, FailedWidth int // of its bars, of 100
}

// Make gives the page for claims, of which the newest of a repository and pull
// request or commit counts for what is open. date is the day that ages are counted to.
func Make(claims []evidence.Claim, date time.Time) ([]byte, error) {
	claims = slices.Clone(claims)
	slices.SortStableFunc(claims, func(a, b evidence.Claim) int {
		return cmp.Or(strings.Compare(a.Review.Time, b.Review.Time), strings.Compare(a.Review.Repository, b.Review.Repository), strings.Compare(a.Source, b.Source))
	})
	p := &page{Date: date.UTC().Format(time.DateOnly), Reviews: len(claims)}
	p.repositories(claims)
	p.open(claims, date)
	p.count(claims)
	t, err := template.ParseFS(pages, "page.html")
	if err != nil {
		return nil, fmt.Errorf("reading the template of the site: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, p); err != nil {
		return nil, fmt.Errorf("writing the site: %w", err)
	}
	return b.Bytes(), nil
}

func nameOf(r *evidence.Review) string { return cmp.Or(r.Repository, unnamed) }

func day(t string) string { return t[:min(len(t), len(time.DateOnly))] }

// repositories are the last results, by name.
func (p *page) repositories(claims []evidence.Claim) {
	byName := map[string]*repository{}
	for _, c := range claims {
		r := &c.Review
		x := byName[nameOf(r)]
		if x == nil {
			x = &repository{Name: nameOf(r)}
			byName[x.Name] = x
			p.Repositories = append(p.Repositories, x)
		}
		x.Reviews++
		x.Last, x.Commit, x.Author, x.Run, x.Pull = day(r.Time), r.Commit[:min(len(r.Commit), 12)], r.Author, address(r.Run), r.Pull
		x.Passed, x.Waits = r.Passed, len(r.Waiting) > 0
		x.Errors, x.Warnings, x.Suppressed = r.Summary.Errors, r.Summary.Warnings, len(r.Suppressed)
	}
	slices.SortFunc(p.Repositories, func(a, b *repository) int { return strings.Compare(a.Name, b.Name) })
}

// address is a web address, else nothing.
func address(s string) string {
	if strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "http://") {
		return s
	}
	return ""
}

// change names what a review is about: the pull request, else the commit.
func change(c *evidence.Claim) string {
	if c.Review.Pull > 0 {
		return fmt.Sprintf("#%d", c.Review.Pull)
	}
	return "@" + cmp.Or(c.Review.Commit, c.Source)
}

// open is what waits, and the findings that are ignored: those of the newest review
// of each change.
func (p *page) open(claims []evidence.Claim, date time.Time) {
	last := map[string]*evidence.Review{}
	first := map[string]string{} // day on which an ignore was first seen
	for i := range claims {
		r := &claims[i].Review
		last[nameOf(r)+change(&claims[i])] = r
		for _, s := range r.Suppressed {
			if key := nameOf(r) + s.Fingerprint; first[key] == "" {
				first[key] = day(r.Time)
			}
		}
	}
	seen := map[string]bool{}
	for i := range slices.Backward(claims) { // of an ignore in several changes the newest is listed
		r := &claims[i].Review
		if last[nameOf(r)+change(&claims[i])] != r {
			continue
		}
		for _, w := range r.Waiting {
			p.Waiting = append(p.Waiting, waiting{nameOf(r), w.ID, w.Who, day(r.Time), address(r.Run)})
		}
		for _, s := range r.Suppressed {
			key := nameOf(r) + s.Fingerprint
			if seen[key] {
				continue
			}
			seen[key] = true
			x := ignore{nameOf(r), s.ID, fmt.Sprintf("%s:%d", s.Path, s.Line), s.Reason, s.By, s.Author, first[key], 0}
			if t, err := time.Parse(time.DateOnly, x.Since); err == nil {
				x.Days = max(0, int(date.Sub(t)/(24*time.Hour)))
			}
			p.Ignores = append(p.Ignores, x)
		}
	}
	slices.SortFunc(p.Waiting, func(a, b waiting) int {
		return cmp.Or(strings.Compare(a.Since, b.Since), strings.Compare(a.Repository, b.Repository), strings.Compare(a.ID, b.ID), strings.Compare(a.Who, b.Who), strings.Compare(a.Run, b.Run))
	})
	slices.SortFunc(p.Ignores, func(a, b ignore) int {
		return cmp.Or(strings.Compare(a.Since, b.Since), strings.Compare(a.Repository, b.Repository), strings.Compare(a.ID, b.ID), strings.Compare(a.Place, b.Place), strings.Compare(a.Author, b.Author), strings.Compare(a.Reason, b.Reason))
	})
}

// mostChecks is how many checks are listed.
const mostChecks = 30

// count counts findings by check and reviews by month.
func (p *page) count(claims []evidence.Claim) {
	checks, months := map[string]*check{}, map[string]*month{}
	of := func(f evidence.Finding) *check {
		if checks[f.ID] == nil {
			checks[f.ID] = &check{ID: f.ID, Name: f.Name}
		}
		return checks[f.ID]
	}
	for _, c := range claims {
		r := &c.Review
		for _, f := range r.Findings {
			of(f).Findings++
		}
		for _, s := range r.Suppressed {
			of(s.Finding).Suppressed++
		}
		name := r.Time[:min(len(r.Time), len("2026-12"))]
		if months[name] == nil {
			months[name] = &month{Name: name}
		}
		m := months[name]
		m.Reviews++
		m.Errors += r.Summary.Errors
		if !r.Passed {
			m.Failed++
		}
	}
	for _, c := range checks {
		p.Checks = append(p.Checks, *c)
	}
	slices.SortFunc(p.Checks, func(a, b check) int {
		return cmp.Or(b.Findings+b.Suppressed-a.Findings-a.Suppressed, strings.Compare(a.ID, b.ID))
	})
	p.Checks = p.Checks[:min(len(p.Checks), mostChecks)]
	for i := range p.Checks {
		p.Checks[i].Width = 100 * (p.Checks[i].Findings + p.Checks[i].Suppressed) / (p.Checks[0].Findings + p.Checks[0].Suppressed)
	}
	most := 1
	for _, m := range months {
		p.Months = append(p.Months, *m)
		most = max(most, m.Reviews)
	}
	slices.SortFunc(p.Months, func(a, b month) int { return strings.Compare(a.Name, b.Name) })
	for i := range p.Months {
		m := &p.Months[i]
		m.PassedWidth, m.FailedWidth = 100*(m.Reviews-m.Failed)/most, 100*m.Failed/most
	}
}
