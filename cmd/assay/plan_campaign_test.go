package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/assaydb/assay/internal/devdb/postgres"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/plan"
	"github.com/assaydb/assay/internal/planned"
)

// campaignLast is how many migrations of each history are planned unless
// ASSAY_TEST_ALL asks for all.
const campaignLast = 3

// TestPlanCampaign plans between neighbouring states of real histories, there
// and back, runs each plan, and wants the state that the migration made and an
// empty second plan. The histories are where ASSAY_CORPORA says; with -v it
// counts, and ASSAY_PLAN_MISSES names a file for what was missed.
func TestPlanCampaign(t *testing.T) {
	root := os.Getenv("ASSAY_CORPORA")
	if root == "" {
		t.Skip("ASSAY_CORPORA names no directory of real migration histories")
	}
	all, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		if !e.IsDir() || os.Getenv("ASSAY_PLAN_ONLY") != "" && os.Getenv("ASSAY_PLAN_ONLY") != e.Name() {
			continue
		}
		t.Run(e.Name(), func(t *testing.T) { campaign(t, filepath.Join(root, e.Name())) })
	}
}

// planTally counts what came of plans.
type planTally struct {
	planned, equal, cannot, wrong int
	misses                        []string
}

func campaign(t *testing.T, dir string) {
	ctx := t.Context()
	a := &app{getenv: os.Getenv, stdout: os.Stderr, stderr: os.Stderr, dir: dir}
	o := &lintOptions{merged: true, schemas: true, noCache: true}
	if filepath.Base(dir) == "darts" {
		o.postgres = "16"
	}
	p, err := a.openProject(ctx, o)
	if err != nil {
		t.Skip(err)
	}
	history := p.base
	from := max(0, len(history)-campaignLast)
	if os.Getenv("ASSAY_TEST_ALL") != "" {
		from = 0
	}
	server, err := a.openServer(ctx, p, o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	}()
	p.base = history[:from]
	s := &session{project: p, server: server, build: &builder{server: server, project: p, gone: map[*migration.Statement]bool{}}}
	if err := s.replayBase(ctx, o); err != nil {
		t.Fatal(err)
	}
	have := &planned.Side{DB: s.base}
	if err := have.Refresh(ctx); err != nil {
		t.Fatal(err)
	}
	var sum planTally
	for _, m := range history[from:] {
		next, err := server.Clone(ctx, have.DB)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(next.Replay(ctx, m), next.Finish(ctx)); err != nil {
			sum.misses = append(sum.misses, m.Path+" (not replayed): "+err.Error())
			if err := next.Close(); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want := &planned.Side{DB: next}
		if err := want.Refresh(ctx); err != nil {
			t.Fatal(err)
		}
		sum.add(ctx, t, server, have, want, m.Path)
		sum.add(ctx, t, server, want, have, m.Path+" (back)")
		if err := have.DB.Close(); err != nil {
			t.Fatal(err)
		}
		have = want
	}
	if err := have.DB.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d planned, %d of them equal to begin with, %d cannot be planned, %d wrong", sum.planned, sum.equal, sum.cannot, sum.wrong)
	for _, miss := range sum.misses {
		t.Log(miss)
	}
	if name := os.Getenv("ASSAY_PLAN_MISSES"); name != "" {
		f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		fmt.Fprintf(f, "== %s: %d planned, %d equal, %d cannot, %d wrong\n%s\n", filepath.Base(dir), sum.planned, sum.equal, sum.cannot, sum.wrong, strings.Join(sum.misses, "\n"))
	}
	if sum.wrong > 0 {
		t.Errorf("%d plans are wrong", sum.wrong)
	}
}

// add plans from one state to the other and notes what comes of it.
func (s *planTally) add(ctx context.Context, t *testing.T, server *postgres.Server, have, want *planned.Side, name string) {
	s.planned++
	p, err := planned.Make(ctx, server, have, want, planned.Options{RenamesOff: true})
	var cannot *plan.CannotPlan
	if errors.As(err, &cannot) {
		s.cannot++
		s.misses = append(s.misses, name+": "+err.Error())
		return
	}
	if err != nil {
		s.wrong++
		s.misses = append(s.misses, name+": "+err.Error())
		return
	}
	if p.Empty() {
		s.equal++
	}
	if err := p.Reaches(ctx); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if failed := p.Failed(); len(failed) > 0 {
		s.wrong++
		for _, g := range failed {
			s.misses = append(s.misses, name+": "+g.Name+": "+g.Why)
		}
	}
}
