package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/assaydb/assay/integrations"
	"github.com/assaydb/assay/integrations/ci"
	"github.com/assaydb/assay/internal/config"
	"github.com/assaydb/assay/internal/evidence"
	"github.com/assaydb/assay/internal/gitdiff"
	"github.com/assaydb/assay/internal/lint"
	files "github.com/assaydb/assay/internal/project"
	"github.com/assaydb/assay/policy"
)

// evidenceOptions are where the evidence of a review goes, and who signs it.
type evidenceOptions struct{ file, key string }

func (o *evidenceOptions) flags(f *pflag.FlagSet, name string) {
	f.StringVar(&o.key, name, "", "`file` with the private key that signs the evidence (PEM, Ed25519 or ECDSA); without it the evidence is not signed")
}

func (a *app) evidenceCommand() *cobra.Command {
	o, e := &lintOptions{noFixes: true}, &evidenceOptions{}
	cmd := &cobra.Command{
		Use:   "evidence [file...]",
		Short: "Review the new migrations and write what was found as an attestation",
		Long: `Review the new migrations as lint does, and write what was found as in-toto attestations: which files
of which commit were reviewed, by which version of assay and by which policies, what was found, what
does not count and why, and who has approved. It holds no text of statements and no values.
assay verify holds files against it before they are deployed.

Exit code: that of lint. The file is written whenever the review could be made.`,
		Example: "  assay evidence -o review.intoto.jsonl --key key.pem\n  assay ci --evidence review.intoto.jsonl",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.check(args); err != nil {
				return err
			}
			signer, err := a.signer(e)
			if err != nil {
				return err
			}
			p, res, err := a.lint(cmd.Context(), o)
			if err != nil {
				return err
			}
			code := verdict(res, o.failOn)
			if err := a.writeEvidence(cmd.Context(), e.file, signer, p, &ci.Run{}, res, o.failOn, nil, code == nil); err != nil {
				return err
			}
			return code
		},
	}
	o.flags(cmd.Flags())
	cmd.Flags().StringVar(&o.failOn, "fail-on", "", "lowest `severity` that fails the review: error, warning, info or off (default error)")
	cmd.Flags().StringVarP(&e.file, "output", "o", "-", "`file` to write; - is standard output")
	e.flags(cmd.Flags(), "key")
	return cmd
}

// signer reads the key that was named; nil if none was.
func (a *app) signer(o *evidenceOptions) (*evidence.Signer, error) {
	if o.key == "" {
		return nil, nil
	}
	text, err := files.ReadNamed(a.fileNamed(o.key))
	if err != nil {
		return nil, usageError{fmt.Errorf("reading the key: %w", err)}
	}
	s, err := evidence.ParseSigner(text)
	if err != nil {
		return nil, usagef("the key %s: %w", o.key, err)
	}
	return s, nil
}

// writeEvidence writes the attestations of a review. consent is nil where nobody was asked.
func (a *app) writeEvidence(ctx context.Context, file string, signer *evidence.Signer, p *project, run *ci.Run, res *lint.Result, failOn string, consent *integrations.Consent, passed bool) error {
	subjects, err := subjects(p, res)
	if err != nil {
		return err
	}
	r, err := a.reviewed(ctx, p, run, res)
	if err != nil {
		return err
	}
	r.FailOn, r.Passed = cmp.Or(failOn, string(lint.Error)), passed
	waiting := integrations.Asking(res.Findings)
	if consent != nil {
		waiting = consent.Waiting
		for _, by := range consent.By {
			x := evidence.Approval{User: by}
			for _, c := range a.context.Approvals {
				if c.User == by {
					x.Teams = c.Teams
				}
			}
			r.Approved = append(r.Approved, x)
		}
	}
	for _, f := range waiting {
		r.Waiting = append(r.Waiting, evidence.Wanted{ID: f.ID, Who: strings.Join(approvers([]*lint.Finding{f}), ", ")})
	}
	if r.Commit != "" {
		subjects = append(subjects, evidence.Subject{Name: "commit", Digest: map[string]string{"gitCommit": r.Commit}})
	}
	statements, err := evidence.Statements(subjects, r)
	if err != nil {
		return err
	}
	return a.writeFile(file, func(w io.Writer) error { return evidence.Write(w, statements, signer) })
}

// reviewed is the detail of a review.
func (a *app) reviewed(ctx context.Context, p *project, run *ci.Run, res *lint.Result) (*evidence.Review, error) {
	r := &evidence.Review{
		Tool: res.Tool, Database: res.Database, Time: time.Now().UTC().Format(time.RFC3339), Repository: run.Repo, Commit: run.Head,
		Pull: run.Number, Author: a.context.Author, Run: run.URL, Directory: res.Dir, Format: res.Format, Summary: res.Summary,
		Findings: []evidence.Finding{}, Suppressed: []evidence.Suppressed{}, Approved: []evidence.Approval{}, Waiting: []evidence.Wanted{},
	}
	if r.Commit == "" && p.changes != nil {
		r.Commit = p.changes.Head
	}
	var err error
	if r.Judged, err = a.deciding(p); err != nil {
		return nil, err
	}
	for _, f := range res.Findings {
		r.Findings = append(r.Findings, evidence.FindingOf(f))
	}
	for _, s := range res.Suppressed {
		x := evidence.Suppressed{Finding: evidence.FindingOf(s.Finding), By: s.By, Reason: s.Reason, Where: s.Where, Own: s.OwnChange}
		if file, line, ok := strings.Cut(s.Where, ":"); ok {
			if n, err := strconv.Atoi(line); err == nil {
				x.Author = gitdiff.Author(ctx, a.dir, file, n, a.getenv)
			}
		}
		r.Suppressed = append(r.Suppressed, x)
	}
	return r, nil
}

// subjects are the files of the reviewed migrations: with their down parts and
// what they include.
func subjects(p *project, res *lint.Result) ([]evidence.Subject, error) {
	var names []string
	for _, m := range res.Migrations {
		names = append(names, m.Path)
		for _, s := range m.Statements {
			names = append(names, s.Path)
		}
	}
	for _, m := range p.new {
		if d := m.Migration.Down; d != nil {
			names = append(names, d.Path)
		}
	}
	return digests(p.fsys, names)
}

// digests are the files with their sha256, sorted; names may repeat and be empty.
func digests(fsys fs.FS, names []string) ([]evidence.Subject, error) {
	slices.Sort(names)
	out := []evidence.Subject{}
	for _, n := range slices.Compact(names) {
		if n == "" {
			continue
		}
		text, err := fs.ReadFile(fsys, n)
		if err != nil {
			return nil, fmt.Errorf("reading %s for the evidence: %w", n, err)
		}
		out = append(out, evidence.Subject{Name: n, Digest: map[string]string{"sha256": digestOf(text)}})
	}
	return out, nil
}

func digestOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// deciding are the files that the verdict depends on: configuration, policies,
// owners, baseline and statistics, as they were read.
func (a *app) deciding(p *project) ([]evidence.Subject, error) {
	c := p.config
	names := []string{filepath.ToSlash(c.Path), c.Owners, c.BaselineFile(p.rules), c.StatsFile(p.data)}
	if _, err := fs.Stat(p.rules, policy.LockFile); err == nil {
		names = append(names, policy.LockFile)
	}
	written, err := regoFiles(p.rules, c)
	if err != nil {
		return nil, err
	}
	names = append(names, written...)
	for i := range names {
		if names[i] != "" {
			names[i] = path.Clean(filepath.ToSlash(names[i]))
		}
	}
	out, err := digests(p.rules, names)
	if err != nil || a.central == nil {
		return out, err
	}
	x := a.central
	if written, err = regoFiles(x.fsys, x.config); err != nil {
		return nil, err
	}
	more, err := digests(x.fsys, append(written, x.name))
	for _, s := range more { // by no path of the project: it lies elsewhere
		s.Name = "--policy-config: " + s.Name
		out = append(out, s)
	}
	return out, err
}

// regoFiles are the files of the policy directories that a configuration names.
func regoFiles(fsys fs.FS, c *config.Config) (names []string, err error) {
	for _, s := range c.Policies {
		if s.Dir == "" {
			continue
		}
		err := fs.WalkDir(fsys, path.Clean(filepath.ToSlash(s.Dir)), func(name string, e fs.DirEntry, err error) error {
			if err == nil && !e.IsDir() && strings.HasSuffix(name, ".rego") && !strings.HasSuffix(name, "_test.rego") {
				names = append(names, name)
			}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("reading the policies for the evidence: %w", err)
		}
	}
	return names, nil
}

// verifyOptions are the flags of verify.
type verifyOptions struct {
	evidence           []string
	key, format        string
	policyConfig       string
	unsigned, policies bool
}

func (a *app) verifyCommand() *cobra.Command {
	o := &verifyOptions{}
	cmd := &cobra.Command{
		Use:   "verify file...",
		Short: "Check before a deployment that migrations were reviewed",
		Long: `Check that each file was reviewed by assay, has not changed since, passed, and has the approvals that
its review asked for. Files are migrations, or directories with *.sql files. Nothing is connected to:
the evidence is what assay evidence and assay ci --evidence have written.

Exit code: 0 every file may be deployed, 1 one may not, 2 wrong input.`,
		Example: "  assay verify --evidence review.intoto.jsonl --key key.pub migrations/0042_orders.up.sql\n  assay verify --evidence evidence/ --key key.pub --policies migrations",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("which files? name the migrations that are to be deployed, or their directory")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.verify(cmd.Context(), o, args) },
	}
	f := cmd.Flags()
	f.StringArrayVar(&o.evidence, "evidence", nil, "`file` or directory (*.jsonl) of evidence; repeatable")
	f.StringVar(&o.key, "key", "", "`file` with the public key that the evidence must be signed with (PEM)")
	f.BoolVar(&o.unsigned, "unsigned", false, "take evidence whose signature something else has checked, as gh attestation verify does")
	f.BoolVar(&o.policies, "policies", false, "configuration, policies, owners, baseline and statistics of the directory must be those of the review")
	f.StringVar(&o.policyConfig, "policy-config", "", "with --policies: the `file or https address` of the policy configuration that must be that of the review")
	f.StringVarP(&o.format, "output", "o", "text", "`format`: text or json")
	return cmd
}

func (a *app) verify(ctx context.Context, o *verifyOptions, args []string) error {
	if err := oneOf("-o", o.format, "text", "json"); err != nil {
		return err
	}
	switch {
	case o.policyConfig != "" && !o.policies:
		return usagef("--policy-config is compared with --policies: give both")
	case len(o.evidence) == 0:
		return usagef("where is the evidence? name what assay ci --evidence has written: --evidence FILE")
	case (o.key == "") == !o.unsigned:
		return usagef("name the public key that signs the evidence with --key, or give --unsigned where something else has checked the signatures")
	}
	claims, err := a.claims(o)
	if err != nil {
		return err
	}
	rules := evidence.Rules{Unsigned: o.unsigned}
	if o.policies {
		if rules.Judged, err = a.decidesNow(ctx, o.policyConfig); err != nil {
			return err
		}
	}
	list, err := a.deployed(args)
	if err != nil {
		return err
	}
	refused := 0
	verdicts := []evidence.Verdict{}
	for _, name := range list {
		text, err := files.ReadNamed(a.fileNamed(name))
		if err != nil {
			return usageError{err}
		}
		v := evidence.Check(path.Clean(filepath.ToSlash(name)), digestOf(text), claims, rules)
		if verdicts = append(verdicts, v); !v.OK {
			refused++
		}
	}
	if err := a.printVerdicts(o.format, verdicts, refused); err != nil {
		return err
	}
	if refused > 0 {
		return findingsError{exitFindings}
	}
	return nil
}

func (a *app) printVerdicts(format string, verdicts []evidence.Verdict, refused int) error {
	if format == "json" {
		e := json.NewEncoder(a.stdout)
		e.SetIndent("", "  ")
		return e.Encode(map[string]any{"files": verdicts, "refused": refused})
	}
	var b bytes.Buffer
	for _, v := range verdicts {
		fmt.Fprintf(&b, "%-7s %s: %s\n", map[bool]string{true: "ok", false: "refused"}[v.OK], v.Path, v.Why)
	}
	fmt.Fprintf(&b, "%s, %d refused\n", counting(len(verdicts), "file"), refused)
	_, err := a.text().Write(b.Bytes())
	return err
}

// claims reads the evidence that was named.
func (a *app) claims(o *verifyOptions) ([]evidence.Claim, error) {
	var key *evidence.Verifier
	if o.key != "" {
		text, err := files.ReadNamed(a.fileNamed(o.key))
		if err != nil {
			return nil, usageError{fmt.Errorf("reading the key: %w", err)}
		}
		if key, err = evidence.ParseVerifier(text); err != nil {
			return nil, usagef("the key %s: %w", o.key, err)
		}
	}
	var out []evidence.Claim
	for _, name := range o.evidence {
		list, err := filesBelow(a.fileNamed(name), ".jsonl")
		if err != nil {
			return nil, usageError{fmt.Errorf("reading the evidence: %w", err)}
		}
		for _, file := range list {
			text, err := files.ReadNamed(file)
			if err != nil {
				return nil, usageError{fmt.Errorf("reading the evidence: %w", err)}
			}
			claims, err := evidence.Read(filepath.Base(file), text, key)
			if err != nil {
				return nil, usageError{err}
			}
			out = append(out, claims...)
		}
	}
	return out, nil
}

// filesBelow gives a file, or the files below a directory that end so, sorted.
func filesBelow(name, ext string) ([]string, error) {
	if info, err := os.Stat(name); err != nil || !info.IsDir() {
		return []string{name}, err
	}
	var out []string
	err := filepath.WalkDir(name, func(file string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && strings.EqualFold(filepath.Ext(file), ext) {
			out = append(out, file)
		}
		return err
	})
	if err == nil && len(out) == 0 {
		err = fmt.Errorf("no *%s file is in %s", ext, name)
	}
	return out, err
}

// deployed are the files that the arguments name, as they are written there.
func (a *app) deployed(args []string) ([]string, error) {
	var out []string
	for _, arg := range args {
		list, err := filesBelow(a.fileNamed(arg), ".sql")
		if err != nil {
			return nil, usageError{err}
		}
		for _, file := range list {
			rel, err := filepath.Rel(a.fileNamed("."), file)
			if err != nil || filepath.IsAbs(arg) {
				rel = file
			}
			out = append(out, rel)
		}
	}
	return out, nil
}

// decidesNow are the digests of the files that decide in the directory.
func (a *app) decidesNow(ctx context.Context, policyConfig string) (map[string]string, error) {
	checkout, err := a.checkout()
	if err != nil {
		return nil, err
	}
	if err := a.loadCentral(ctx, &lintOptions{policyConfig: policyConfig}); err != nil {
		return nil, err
	}
	p := &project{fsys: checkout, data: checkout, rules: checkout}
	if p.config, err = a.loadConfig(&lintOptions{}, p.rules); err != nil {
		return nil, usageError{err}
	}
	list, err := a.deciding(p)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, s := range list {
		out[s.Name] = s.Digest["sha256"]
	}
	return out, nil
}
