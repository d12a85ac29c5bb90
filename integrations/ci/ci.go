// Package ci reads what a CI says about the run that it started: where, about
// which pull request, at which commit and with which rights. It also speaks
// with the CI's runner: annotations, step summary and outputs.
package ci

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/google/go-github/v62/github"
)

// Host names where a pull request is.
type Host string

// The hosts.
const (
	None   Host = ""
	GitHub Host = "github"
	GitLab Host = "gitlab"
)

// Run is what the CI says about itself.
type Run struct {
	CI           string // "github", "gitlab", "circleci", or "" for none that is known
	Host         Host
	Event        string // GitHub's name of the event, or "merge_request", "push", "schedule"
	API          string // of the host
	Server       string // of the host, for people
	Repo         string // "owner/name", or GitLab's project number or path
	Web          string // of the project, for links to files
	Number       int    // of the pull request, 0 if there is none
	Head         string // the commit that is spoken about: never a merge commit
	Branch       string
	Order        int64  // grows from run to run of the same repository
	URL          string // of this run, for people
	Pipeline     int    // GitLab's
	PipelineHead string // the commit of Pipeline: of a merged result, where that is not Head
	Token        string `json:"-"`
	TokenEnv     string // the variable it came from
	CA           string // file with the host's certificate authorities

	// ReadOnly says why the token cannot write, "" if nothing speaks against it.
	ReadOnly string
	// Untrusted: configuration and policies of this checkout, or the report that
	// another job made, are a stranger's.
	Untrusted bool
	// HeadBranch is "owner:branch" of a workflow_run, to find its pull request.
	HeadBranch string
}

// Getenv reads a variable, as os.Getenv.
type Getenv func(string) string

// Read reads the environment and GitHub's event file. It fails only when the
// CI names an event file that cannot be read.
func Read(getenv Getenv) (*Run, error) {
	var r *Run
	var err error
	switch {
	case getenv("GITHUB_ACTIONS") == "true":
		r, err = fromGitHub(getenv)
	case getenv("GITLAB_CI") != "":
		r = fromGitLab(getenv)
	case getenv("CIRCLECI") == "true":
		r = fromCircle(getenv)
	default:
		return &Run{}, nil
	}
	if err != nil {
		return nil, err
	}
	r.CA = cmp.Or(getenv("ASSAY_CA_FILE"), r.CA)
	if r.Token == "" && r.ReadOnly == "" && r.Host != None {
		r.ReadOnly = "there is no token: " + missing[r.Host]
	}
	return r, nil
}

var missing = map[Host]string{
	GitHub: "set GITHUB_TOKEN",
	GitLab: "the job's own token may not write; set ASSAY_GITLAB_TOKEN to a token with the scope api and the role Developer: a project access token, or on GitLab.com Free one of a user for the bot",
}

// token takes the first of the variables that is set.
func (r *Run) token(getenv Getenv, names ...string) {
	for _, n := range names {
		if t := strings.TrimSpace(getenv(n)); t != "" {
			r.Token, r.TokenEnv = t, n
			return
		}
	}
}

func fromGitHub(getenv Getenv) (*Run, error) {
	server := strings.TrimSuffix(cmp.Or(getenv("GITHUB_SERVER_URL"), "https://github.com"), "/")
	r := &Run{
		CI: "github", Host: GitHub, Event: getenv("GITHUB_EVENT_NAME"), Server: server,
		API: cmp.Or(getenv("GITHUB_API_URL"), "https://api.github.com"), Repo: getenv("GITHUB_REPOSITORY"),
		Head: getenv("GITHUB_SHA"), Branch: getenv("GITHUB_REF_NAME"),
	}
	r.Web = server + "/" + r.Repo
	r.Order, _ = strconv.ParseInt(getenv("GITHUB_RUN_ID"), 10, 64)
	if id := getenv("GITHUB_RUN_ID"); id != "" {
		r.URL = r.Web + "/actions/runs/" + id
	}
	r.token(getenv, "ASSAY_GITHUB_TOKEN", "GITHUB_TOKEN", "GH_TOKEN")
	file := getenv("GITHUB_EVENT_PATH")
	if file == "" {
		return r, nil // a local run that pretends
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the event of the CI: %w", err)
	}
	if err := r.event(data); err != nil {
		return nil, fmt.Errorf("reading the event of the CI from %s: %w", file, err)
	}
	return r, nil
}

// event takes from GitHub's payload what is not in the environment.
func (r *Run) event(data []byte) error {
	switch r.Event {
	case "pull_request", "pull_request_target", "pull_request_review":
		var e github.PullRequestEvent
		if err := json.Unmarshal(data, &e); err != nil {
			return err
		}
		r.pull(e.GetPullRequest(), e.GetSender())
	case "merge_group":
		var e github.MergeGroupEvent
		if err := json.Unmarshal(data, &e); err != nil {
			return err
		}
		r.Head = cmp.Or(e.GetMergeGroup().GetHeadSHA(), r.Head)
	case "push":
		var e github.PushEvent
		if err := json.Unmarshal(data, &e); err != nil {
			return err
		}
		r.Head = cmp.Or(e.GetAfter(), r.Head)
	case "workflow_run":
		var e github.WorkflowRunEvent
		if err := json.Unmarshal(data, &e); err != nil {
			return err
		}
		w := e.GetWorkflowRun()
		r.Head = w.GetHeadSHA()
		if owner := w.GetHeadRepository().GetOwner().GetLogin(); owner != "" && w.GetHeadBranch() != "" {
			r.HeadBranch = owner + ":" + w.GetHeadBranch()
		}
		r.Untrusted = !strings.EqualFold(w.GetHeadRepository().GetFullName(), r.Repo)
		for _, p := range w.PullRequests { // empty for forks
			if p.GetHead().GetSHA() == r.Head {
				r.Number = p.GetNumber()
			}
		}
	}
	return nil
}

func (r *Run) pull(p *github.PullRequest, sender *github.User) {
	r.Number = p.GetNumber()
	r.Head = cmp.Or(p.GetHead().GetSHA(), r.Head) // GITHUB_SHA is a merge commit
	r.Branch = p.GetHead().GetRef()
	head, base := p.GetHead().GetRepo(), p.GetBase().GetRepo()
	fork := head == nil || !strings.EqualFold(head.GetFullName(), base.GetFullName())
	if fork {
		r.Untrusted = true
	}
	if r.Event == "pull_request_target" {
		return // it has the target's token
	}
	own := r.TokenEnv == "ASSAY_GITHUB_TOKEN"
	switch {
	case own: // not the job's token: whoever gave it knows what it may
	case head == nil:
		r.ReadOnly = "the pull request's own repository was deleted, so the job's token may only read"
	case fork:
		r.ReadOnly = "the pull request comes from a fork, so the job's token may only read; docs/github.md shows how a second workflow posts the report"
	case p.GetUser().GetLogin() == "dependabot[bot]" && sender.GetLogin() == "dependabot[bot]":
		r.ReadOnly = "Dependabot's runs have a token that may only read; docs/github.md shows how a second workflow posts the report"
	}
}

func fromGitLab(getenv Getenv) *Run {
	server := strings.TrimSuffix(cmp.Or(getenv("CI_SERVER_URL"), "https://gitlab.com"), "/")
	r := &Run{
		CI: "gitlab", Host: GitLab, Server: server, API: cmp.Or(getenv("CI_API_V4_URL"), server+"/api/v4"),
		Repo: cmp.Or(getenv("CI_MERGE_REQUEST_PROJECT_ID"), getenv("CI_PROJECT_ID")),
		Web:  cmp.Or(getenv("CI_MERGE_REQUEST_PROJECT_URL"), getenv("CI_PROJECT_URL")),
		Head: getenv("CI_COMMIT_SHA"), Branch: getenv("CI_COMMIT_BRANCH"), URL: getenv("CI_JOB_URL"),
		CA: getenv("CI_SERVER_TLS_CA_FILE"),
	}
	r.Event = map[string]string{"merge_request_event": "merge_request"}[getenv("CI_PIPELINE_SOURCE")]
	r.Event = cmp.Or(r.Event, getenv("CI_PIPELINE_SOURCE"))
	r.Order, _ = strconv.ParseInt(getenv("CI_PIPELINE_ID"), 10, 64)
	r.Pipeline = int(r.Order)
	r.Number, _ = strconv.Atoi(getenv("CI_MERGE_REQUEST_IID"))
	if getenv("CI_MERGE_REQUEST_EVENT_TYPE") == "merge_train" {
		r.Event = "merge_train"
	}
	if r.Number != 0 {
		r.Branch = getenv("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME")
	}
	if sha := getenv("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA"); sha != "" && sha != r.Head {
		r.PipelineHead, r.Head = r.Head, sha // this pipeline is of the merged result
	}
	// The job's own token may not write comments or statuses.
	r.token(getenv, "ASSAY_GITLAB_TOKEN", "GITLAB_TOKEN")
	from, to := getenv("CI_MERGE_REQUEST_SOURCE_PROJECT_ID"), getenv("CI_MERGE_REQUEST_PROJECT_ID")
	if from != "" && to != "" && from != to {
		r.Untrusted = true
		r.Pipeline, r.PipelineHead = 0, "" // it is the fork's
		if r.Token == "" {
			r.ReadOnly = "the merge request comes from a fork, whose pipeline does not get ASSAY_GITLAB_TOKEN"
		}
	}
	return r
}

var pullURL = regexp.MustCompile(`^(https?://[^/]+)/([^/]+/[^/]+)/(?:pull|pull-requests)/(\d+)`)

// fromCircle speaks with GitHub if the project is there and a context gives a
// token.
func fromCircle(getenv Getenv) *Run {
	r := &Run{CI: "circleci", Event: "push", Head: getenv("CIRCLE_SHA1"), Branch: getenv("CIRCLE_BRANCH"), URL: getenv("CIRCLE_BUILD_URL")}
	r.Order, _ = strconv.ParseInt(getenv("CIRCLE_BUILD_NUM"), 10, 64)
	owner, name := getenv("CIRCLE_PROJECT_USERNAME"), getenv("CIRCLE_PROJECT_REPONAME")
	pull := cmp.Or(getenv("CIRCLE_PULL_REQUEST"), firstOf(getenv("CIRCLE_PULL_REQUESTS")))
	m := pullURL.FindStringSubmatch(pull)
	repoHost := hostOf(getenv("CIRCLE_REPOSITORY_URL"))
	if m != nil {
		repoHost = hostOf(m[1] + "/")
	}
	if repoHost == "" || strings.Contains(repoHost, "bitbucket") || owner == "" || name == "" {
		return r
	}
	r.Host, r.Repo = GitHub, owner+"/"+name
	if strings.Contains(repoHost, "gitlab") {
		r.Host = GitLab
	}
	r.Server = "https://" + repoHost
	switch {
	case r.Host == GitLab:
		r.API = cmp.Or(getenv("CI_API_V4_URL"), r.Server+"/api/v4")
		r.token(getenv, "ASSAY_GITLAB_TOKEN", "GITLAB_TOKEN")
	case repoHost == "github.com":
		r.API = cmp.Or(getenv("GITHUB_API_URL"), "https://api.github.com")
	default:
		r.API = cmp.Or(getenv("GITHUB_API_URL"), r.Server+"/api/v3")
	}
	if r.Host == GitHub {
		r.token(getenv, "ASSAY_GITHUB_TOKEN", "GITHUB_TOKEN", "GH_TOKEN")
	}
	if m != nil {
		r.Event, r.Repo = "pull_request", m[2]
		r.Number, _ = strconv.Atoi(m[3])
	}
	r.Web = r.Server + "/" + r.Repo
	if n := getenv("CIRCLE_PR_NUMBER"); n != "" { // only set for forks
		r.Event, r.Untrusted = "pull_request", true
		r.Number, _ = strconv.Atoi(n)
		if r.Token == "" {
			r.ReadOnly = "the pull request comes from a fork, whose jobs do not get the context's token"
		}
	}
	return r
}

func firstOf(list string) string {
	first, _, _ := strings.Cut(list, ",")
	return first
}

// hostOf is the host of a clone's address: https://HOST/… or git@HOST:….
func hostOf(remote string) string {
	if u, err := url.Parse(remote); err == nil && u.Host != "" {
		return u.Host
	}
	if _, after, ok := strings.Cut(remote, "@"); ok {
		host, _, _ := strings.Cut(after, ":")
		return host
	}
	return ""
}

// Comments says whether there is a pull request to comment on: a merge queue's
// or a scheduled run has only a commit.
func (r *Run) Comments() bool {
	return r.Number != 0 && r.Event != "merge_group" && r.Event != "merge_train"
}

// Link is the address of a line of a file at the head commit, "" if the
// project's address is not known, or the path leads out of the project.
func (r *Run) Link(path string, line int) string {
	if r.Web == "" || r.Head == "" || !fs.ValidPath(path) {
		return ""
	}
	segments := strings.Split(path, "/")
	for i, s := range segments {
		segments[i] = strings.NewReplacer("(", "%28", ")", "%29").Replace(url.PathEscape(s))
	}
	blob := "/blob/"
	if r.Host == GitLab {
		blob = "/-/blob/"
	}
	link := r.Web + blob + r.Head + "/" + strings.Join(segments, "/")
	if line > 0 {
		link += "#L" + strconv.Itoa(line)
	}
	return link
}

// Secrets are the variables that tokens come in.
var Secrets = []string{
	"ASSAY_GITHUB_TOKEN", "GITHUB_TOKEN", "GH_TOKEN", "ACTIONS_RUNTIME_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL",
	"ASSAY_GITLAB_TOKEN", "GITLAB_TOKEN", "CI_JOB_TOKEN", "CI_DEPLOY_PASSWORD", "CI_REGISTRY_PASSWORD", "CI_DEPENDENCY_PROXY_PASSWORD", "CI_REPOSITORY_URL",
	"GITEA_TOKEN", "FORGEJO_TOKEN", "CIRCLE_OIDC_TOKEN", "CIRCLE_OIDC_TOKEN_V2", "SYSTEM_ACCESSTOKEN",
	"BITBUCKET_TOKEN", "BITBUCKET_ACCESS_TOKEN", "BITBUCKET_STEP_OIDC_TOKEN",
}

// Secret says whether a variable holds a token.
func Secret(key string) bool { return slices.Contains(Secrets, key) }
