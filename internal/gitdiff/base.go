package gitdiff

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// target is what a change is compared with, before git was asked about it.
type target struct {
	refs []string // commits, branches or refs, first one that exists
	why  string   // what named it: "GITHUB_BASE_REF=main"
	// tips are commits, branches or refs of the target branch as it is now, the
	// one that the change's author can have the least say in first; none: refs.
	tips []string
	// exact: compare with the commit itself, not with the merge base.
	exact bool
}

const noCommit = "0000000000000000000000000000000000000000"

// branch are the refs that a branch of the remote may be found under.
func branch(name string) []string {
	name = strings.TrimPrefix(name, "refs/heads/")
	return []string{"refs/remotes/origin/" + name, "refs/heads/" + name, name}
}

// fromCI is the target that the CI's variables name, nil if they name none.
// Only variables that say what a pull request is merged into are trusted; a
// push to a branch is compared like a local checkout.
func fromCI(getenv func(string) string) *target {
	switch {
	case getenv("GITHUB_ACTIONS") == "true" || getenv("GITHUB_EVENT_PATH") != "":
		return fromGitHub(getenv)
	case getenv("GITLAB_CI") != "":
		return fromGitLab(getenv)
	}
	// Each of these is a branch's name, except where noted.
	for _, key := range []string{
		"BITBUCKET_PR_DESTINATION_BRANCH",
		"SYSTEM_PULLREQUEST_TARGETBRANCH", // Azure: refs/heads/main
		"BUILDKITE_PULL_REQUEST_BASE_BRANCH",
		"CHANGE_TARGET", // Jenkins
		"DRONE_TARGET_BRANCH",
		"CI_COMMIT_TARGET_BRANCH", // Woodpecker
	} {
		if v := getenv(key); v != "" {
			if key == "DRONE_TARGET_BRANCH" && getenv("DRONE_PULL_REQUEST") == "" {
				continue
			}
			return &target{refs: branch(v), why: key + "=" + v}
		}
	}
	if v := getenv("TRAVIS_BRANCH"); v != "" && getenv("TRAVIS_PULL_REQUEST") != "false" {
		return &target{refs: branch(v), why: "TRAVIS_BRANCH=" + v}
	}
	return nil // CircleCI and others do not say: --git-base does
}

// event is what assay needs of a GitHub event's payload.
type event struct {
	Ref         string `json:"ref"`
	Before      string `json:"before"`
	PullRequest *struct {
		Base struct{ Ref, SHA string } `json:"base"`
	} `json:"pull_request"`
	MergeGroup *struct {
		BaseSHA string `json:"base_sha"`
		BaseRef string `json:"base_ref"`
	} `json:"merge_group"`
	Repository struct {
		DefaultBranch string `json:"default_branch"`
	} `json:"repository"`
}

func fromGitHub(getenv func(string) string) *target {
	var e event
	if file := getenv("GITHUB_EVENT_PATH"); file != "" {
		// A payload that cannot be read leaves GITHUB_BASE_REF and git itself.
		if src, err := os.ReadFile(file); err == nil {
			_ = json.Unmarshal(src, &e)
		}
	}
	base := getenv("GITHUB_BASE_REF")
	if e.Ref == "" {
		e.Ref = getenv("GITHUB_REF")
	}
	switch {
	case e.MergeGroup != nil && e.MergeGroup.BaseSHA != "":
		return &target{refs: []string{e.MergeGroup.BaseSHA}, why: "the merge queue's base"}
	case base != "":
		t := &target{refs: branch(base), why: "GITHUB_BASE_REF=" + base}
		if e.PullRequest != nil && e.PullRequest.Base.SHA != "" {
			t.refs = append(t.refs, e.PullRequest.Base.SHA)
			t.tips = append([]string{e.PullRequest.Base.SHA}, branch(base)...)
		}
		return t
	case e.PullRequest != nil && e.PullRequest.Base.Ref != "":
		refs := branch(e.PullRequest.Base.Ref)
		return &target{refs: append(refs, e.PullRequest.Base.SHA), tips: append([]string{e.PullRequest.Base.SHA}, refs...), why: "the pull request's base " + e.PullRequest.Base.Ref}
	case e.Before != "" && e.Before != noCommit && e.Ref == "refs/heads/"+e.Repository.DefaultBranch:
		return &target{refs: []string{e.Before}, why: "the commit before the push"}
	case e.Repository.DefaultBranch != "" && e.Ref != "refs/heads/"+e.Repository.DefaultBranch:
		return &target{refs: branch(e.Repository.DefaultBranch), why: "the default branch " + e.Repository.DefaultBranch}
	}
	return nil
}

func fromGitLab(getenv func(string) string) *target {
	if v := getenv("CI_MERGE_REQUEST_TARGET_BRANCH_NAME"); v != "" {
		t := &target{refs: branch(v), why: "CI_MERGE_REQUEST_TARGET_BRANCH_NAME=" + v}
		// Not the merge base: that may be as old as the author likes.
		t.tips = append([]string{getenv("CI_MERGE_REQUEST_TARGET_BRANCH_SHA")}, branch(v)...)
		if sha := getenv("CI_MERGE_REQUEST_DIFF_BASE_SHA"); sha != "" {
			t.refs = append([]string{sha}, t.refs...)
			t.why = "CI_MERGE_REQUEST_DIFF_BASE_SHA"
		}
		return t
	}
	if v := getenv("CI_MERGE_REQUEST_DIFF_BASE_SHA"); v != "" {
		return &target{refs: []string{v}, why: "CI_MERGE_REQUEST_DIFF_BASE_SHA"}
	}
	def := getenv("CI_DEFAULT_BRANCH")
	before := getenv("CI_COMMIT_BEFORE_SHA")
	switch {
	case def != "" && getenv("CI_COMMIT_BRANCH") == def && before != "" && before != noCommit:
		return &target{refs: []string{before}, why: "CI_COMMIT_BEFORE_SHA"}
	case def != "" && getenv("CI_COMMIT_BRANCH") != def:
		return &target{refs: branch(def), why: "CI_DEFAULT_BRANCH=" + def}
	}
	return nil
}

// fromRepository is the default branch as the clone knows it. In a CI job that
// stands on that branch itself, the commit before is compared with.
func (r *repo) fromRepository(ctx context.Context, getenv func(string) string) *target {
	var t *target
	if head, err := r.line(ctx, "symbolic-ref", "--quiet", "refs/remotes/origin/HEAD"); err == nil && head != "" {
		t = &target{refs: []string{head}, why: "the default branch " + strings.TrimPrefix(head, "refs/remotes/")}
	} else {
		var refs []string
		for _, name := range []string{getenv("BUILDKITE_PIPELINE_DEFAULT_BRANCH"), "main", "master", "trunk"} {
			if name != "" {
				refs = append(refs, "refs/remotes/origin/"+name)
			}
		}
		refs = append(refs, "refs/heads/main", "refs/heads/master", "refs/heads/trunk")
		for _, ref := range refs {
			if r.commit(ctx, ref) != "" {
				name := strings.TrimPrefix(strings.TrimPrefix(ref, "refs/heads/"), "refs/remotes/")
				t = &target{refs: []string{ref}, why: "the default branch " + name}
				break
			}
		}
	}
	if t == nil {
		return nil
	}
	onIt := r.commit(ctx, "HEAD") == r.commit(ctx, t.refs[0])
	if getenv("CI") != "" && onIt && (r.commit(ctx, "HEAD^1") != "" || r.shallow(ctx)) {
		return &target{refs: []string{"HEAD^1"}, why: "the commit before, on " + strings.TrimPrefix(t.why, "the "), exact: true}
	}
	return t
}

// base finds the commit that the change is measured from and the tip of what
// it is merged into.
func (r *repo) base(ctx context.Context, opt Options) (s *Set, err error) {
	head := r.commit(ctx, "HEAD")
	if head == "" {
		return nil, fmt.Errorf("%w: the repository has no commit yet", ErrNoGit)
	}
	t := fromCI(opt.Env)
	if opt.Base != "" {
		t = &target{refs: []string{opt.Base, "refs/remotes/origin/" + opt.Base}, why: "--git-base " + opt.Base}
	}
	if t == nil {
		t = r.fromRepository(ctx, opt.Env)
	}
	if t == nil {
		return nil, fmt.Errorf("%w: there is no origin/HEAD, main or master here; name the branch with --git-base", ErrNoBase)
	}
	for _, ref := range t.refs {
		tip := r.commit(ctx, ref)
		if tip == "" {
			continue
		}
		s = &Set{Head: head, Target: tip, Trusted: tip, Why: t.why, repo: r}
		for _, ref := range t.tips {
			if commit := r.commit(ctx, ref); commit != "" {
				s.Trusted = commit
				break
			}
		}
		if t.exact {
			s.Base = tip
			return s, nil
		}
		s.Base, err = r.line(ctx, "merge-base", tip, head)
		if err == nil && s.Base != "" {
			return s, nil
		}
	}
	return nil, r.missing(ctx, t, s != nil)
}

// missing says why there is no base and what to do.
func (r *repo) missing(ctx context.Context, t *target, unrelated bool) error {
	what := "is not in this clone"
	if unrelated {
		what = "has no commit in common with HEAD"
	}
	ref := strings.TrimPrefix(strings.TrimPrefix(t.refs[0], "refs/remotes/"), "refs/heads/")
	if r.shallow(ctx) {
		return fmt.Errorf(`%w: %s (%s) %s, because the clone is shallow. Fetch the history:
	GitHub:  actions/checkout with fetch-depth: 0
	GitLab:  variables: GIT_DEPTH: 0
	else:    git fetch --unshallow origin "+refs/heads/*:refs/remotes/origin/*"`, ErrNoBase, ref, t.why, what)
	}
	if unrelated {
		return fmt.Errorf("%w: %s (%s) %s; name another with --git-base", ErrNoBase, ref, t.why, what)
	}
	return fmt.Errorf("%w: %s (%s) %s; fetch it (git fetch origin) or name another with --git-base", ErrNoBase, ref, t.why, what)
}
