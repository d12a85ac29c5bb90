package hosttest

import (
	"cmp"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/assaydb/assay/integrations"
)

// NewGitLab makes a fake GitLab that is installed below a path, with its API
// at /git/api/v4.
func NewGitLab() *Server {
	s := newServer("gitlab-openapi.json", "/git/api/v4")
	s.handler = serveGitLab
	s.auth = func(r *http.Request) string { return r.Header.Get("PRIVATE-TOKEN") }
	return s
}

// The commits that a merge request's diff is given by.
var (
	gitLabBase  = strings.Repeat("b", 40)
	gitLabStart = strings.Repeat("c", 40)
)

type gitLab struct {
	*Server
	w   http.ResponseWriter
	r   *http.Request
	who Account
	in  map[string]any
	at  []string
}

func serveGitLab(s *Server, w http.ResponseWriter, r *http.Request, who Account, in map[string]any) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	g := &gitLab{s, w, r, who, in, parts}
	switch {
	case parts[0] == "user":
		answer(w, 200, person(who))
	case parts[0] == "groups":
		g.group()
	case len(parts) > 3 && parts[1] == "42" && parts[2] == "merge_requests" && parts[3] == "7":
		g.at = parts[4:]
		g.merge()
	case len(parts) == 5 && parts[1] == "42" && parts[2] == "members":
		g.member(parts[4])
	case len(parts) == 4 && parts[1] == "42" && parts[2] == "statuses":
		g.status(parts[3])
	default:
		g.gone()
	}
}

func (g *gitLab) gone() { answer(g.w, 404, map[string]any{"message": "404 Not found"}) }

func (g *gitLab) denied() { answer(g.w, 403, map[string]any{"message": "403 Forbidden"}) }

func (g *gitLab) bad(why string) {
	answer(g.w, 400, map[string]any{"message": "400 Bad request - " + why})
}

func person(a Account) map[string]any {
	return map[string]any{"id": a.ID, "username": a.Login, "state": "active"}
}

func (g *gitLab) member(id string) {
	a, ok := g.account(func(a Account) bool { return strconv.Itoa(a.ID) == id })
	if !ok {
		g.gone()
		return
	}
	m := person(a)
	m["access_level"] = 30
	if a.Reader {
		m["access_level"] = 20
	}
	answer(g.w, 200, m)
}

func (g *gitLab) merge() {
	switch route := g.r.Method + " " + strings.Join(g.at, "/"); {
	case route == "GET ":
		asked := []any{}
		for _, who := range g.Asked {
			asked = append(asked, person(Account{Login: who}))
		}
		answer(g.w, 200, map[string]any{
			"iid": 7, "author": map[string]any{"id": 90, "username": "author"},
			"title": "the title", "description": "why", "draft": true, "labels": append([]string{}, g.Labels...), "reviewers": asked,
			"source_branch": "feature", "target_branch": "main",
			"diff_refs": map[string]any{"base_sha": gitLabBase, "start_sha": gitLabStart, "head_sha": g.Head},
		})
	case route == "GET diffs":
		g.diffs()
	case route == "GET discussions":
		g.discussions()
	case route == "POST notes":
		g.note()
	case len(g.at) == 2 && g.at[0] == "notes":
		g.change(g.at[1])
	case route == "POST discussions":
		g.discuss()
	case len(g.at) == 4 && g.at[0] == "discussions":
		g.change(g.at[3])
	case len(g.at) == 2 && g.at[0] == "discussions":
		g.resolve()
	case route == "GET approvals":
		g.approvals()
	case route == "GET versions":
		answer(g.w, 200, []any{map[string]any{"id": 1, "head_commit_sha": g.Head, "created_at": "2026-01-02T00:00:00Z"}})
	default:
		g.gone()
	}
}

func (g *gitLab) paged(list []map[string]any) {
	part, at, next := page(g.r, list)
	g.w.Header().Set("X-Page", strconv.Itoa(at))
	if next > 0 {
		g.w.Header().Set("X-Next-Page", strconv.Itoa(next))
	}
	answer(g.w, 200, part)
}

func (g *gitLab) diffs() {
	out := []map[string]any{}
	for _, f := range g.Files {
		old := f.Old
		if old == "" {
			old = f.Path
		}
		out = append(out, map[string]any{"new_path": f.Path, "old_path": old, "diff": f.Patch, "new_file": f.New, "renamed_file": f.Old != ""})
	}
	g.paged(out)
}

func (g *gitLab) discussions() {
	out := []map[string]any{}
	for _, c := range g.Comments {
		if c.ReplyTo != 0 || g.hidden[c.ID] {
			continue
		}
		notes := []map[string]any{g.show(c)}
		for _, r := range g.Comments {
			if r.ReplyTo == c.ID {
				notes = append(notes, g.show(r))
			}
		}
		out = append(out, map[string]any{"id": thread(c.ID), "individual_note": c.Path == "", "notes": notes})
	}
	g.hidden = map[int]bool{}
	g.paged(out)
}

func thread(id int) string { return fmt.Sprintf("d%039d", id) }

func (g *gitLab) show(c *Comment) map[string]any {
	m := map[string]any{"id": c.ID, "body": c.Body, "author": person(c.Author), "system": false, "resolved": c.Resolved}
	if c.Path == "" {
		return m
	}
	p := map[string]any{"position_type": "text", "new_path": c.Path, "new_line": c.Line}
	if c.Outdated {
		p["new_line"] = nil
	}
	if c.Start != 0 && c.Start != c.Line {
		p["line_range"] = map[string]any{"start": map[string]any{"line_code": fmt.Sprintf("x_0_%d", c.Start)}}
	}
	m["position"] = p
	return m
}

// body takes a note's text, or answers why not. GitLab carries out lines that
// start with a command.
func (g *gitLab) body() (string, bool) {
	text := str(g.in["body"])
	switch {
	case !g.who.Comment:
		g.denied()
	case text == "":
		answer(g.w, 400, map[string]any{"error": "body is missing"})
	case len(text) > 1_000_000:
		g.bad("(Note is too long (maximum is 1000000 characters))")
	default:
		fenced := false
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "```") {
				fenced = !fenced
			}
			if !fenced && strings.HasPrefix(line, "/") {
				g.Commands = append(g.Commands, line)
			}
		}
		return strings.TrimRight(text, "\n"), true
	}
	return "", false
}

func (g *gitLab) note() {
	if text, ok := g.body(); ok {
		answer(g.w, 201, g.show(g.add(Comment{Author: g.who, Body: text})))
	}
}

func (g *gitLab) change(at string) {
	id, _ := strconv.Atoi(at)
	c := g.comment(id)
	switch {
	case c == nil:
		g.gone()
	case !g.who.Comment || c.Author.Login != g.who.Login && !g.who.EditOthers:
		g.denied()
	case g.r.Method == http.MethodDelete:
		g.drop(c)
		answer(g.w, 204, nil)
	default:
		if text, ok := g.body(); ok {
			c.Body = text
			answer(g.w, 200, g.show(c))
		}
	}
}

const lineCode = `Note {:line_code=>["can't be blank", "must be a valid line code"]}`

// discuss makes a thread on a line. The place must be given by the right
// commits, an unchanged line by both of its numbers, an added one by its new.
func (g *gitLab) discuss() {
	text, ok := g.body()
	if !ok {
		return
	}
	p, _ := g.in["position"].(map[string]any)
	i := slices.IndexFunc(g.Files, func(f File) bool { return f.Path == str(p["new_path"]) })
	if str(p["base_sha"]) != gitLabBase || str(p["start_sha"]) != gitLabStart || str(p["head_sha"]) != g.Head || i < 0 {
		g.bad(lineCode)
		return
	}
	f := g.Files[i]
	old, line := f.Old, num(p["new_line"])
	if old == "" {
		old = f.Path
	}
	_, sides := integrations.ParsePatch(f.Patch)
	side, there := sides[line]
	_, both := p["old_line"]
	if f.Path == g.Moved || !there || str(p["old_path"]) != old || both == side.Added || both && num(p["old_line"]) != side.Line {
		g.bad(lineCode)
		return
	}
	start := line
	if span, ok := p["line_range"].(map[string]any); ok {
		if start = g.code(span["start"], f); start == 0 || g.code(span["end"], f) != line {
			g.bad(lineCode)
			return
		}
	}
	c := g.add(Comment{Author: g.who, Body: text, Path: f.Path, Start: start, Line: line})
	answer(g.w, 201, map[string]any{"id": thread(c.ID), "notes": []any{g.show(c)}})
}

// code is the new line of a line code, 0 if it is not one of the file's.
func (g *gitLab) code(v any, f File) int {
	m, _ := v.(map[string]any)
	sum := sha1.Sum([]byte(f.Path))
	_, sides := integrations.ParsePatch(f.Patch)
	for line, side := range sides {
		if str(m["line_code"]) == fmt.Sprintf("%s_%d_%d", hex.EncodeToString(sum[:]), side.Line, line) && (str(m["type"]) == "new") == side.Added {
			return line
		}
	}
	return 0
}

func (g *gitLab) resolve() {
	for _, c := range g.Comments {
		if thread(c.ID) == g.at[1] {
			if !g.who.Comment {
				g.denied()
				return
			}
			c.Resolved = true
			answer(g.w, 200, map[string]any{"id": g.at[1], "notes": []any{g.show(c)}})
			return
		}
	}
	g.gone()
}

// status refuses the state that there is already.
func (g *gitLab) status(sha string) {
	names := map[string]integrations.State{"success": integrations.Success, "failed": integrations.Failed, "pending": integrations.Pending}
	state, ok := names[str(g.in["state"])]
	if !g.who.Status {
		g.denied()
		return
	}
	if !ok || sha != g.Head && sha != g.Merged {
		g.gone()
		return
	}
	// As app/services/ci/create_commit_status_service.rb: by commit, ref and id
	// together. Without an id it takes or makes a pipeline of a branch.
	if id, ref := g.in["pipeline_id"], str(g.in["ref"]); id != nil && (sha != cmp.Or(g.Merged, g.Head) || ref != "" && ref != "refs/merge-requests/7/head") {
		answer(g.w, 404, map[string]any{"message": "404 Pipeline for pipeline_id, sha and ref Not Found"})
		return
	}
	for i := len(g.Statuses) - 1; i >= 0; i-- {
		if g.Statuses[i].Name == str(g.in["name"]) && g.At[i] == sha {
			if g.Statuses[i].State == state {
				g.bad(fmt.Sprintf("Cannot transition status via :%s from :%s", g.in["state"], g.in["state"]))
				return
			}
			break
		}
	}
	g.Statuses = append(g.Statuses, integrations.Status{Name: str(g.in["name"]), State: state, Description: str(g.in["description"]), URL: str(g.in["target_url"])})
	g.At = append(g.At, sha)
	answer(g.w, 201, map[string]any{"id": g.id(), "status": g.in["state"]})
}

func (g *gitLab) approvals() {
	by := []any{}
	for _, v := range g.Reviews {
		if v.State != "APPROVED" {
			continue
		}
		at := "2026-01-01T00:00:00Z"
		if v.Commit == g.Head {
			at = "2026-01-03T00:00:00Z"
		}
		by = append(by, map[string]any{"user": person(v.Author), "approved_at": at})
	}
	answer(g.w, 200, map[string]any{"approved_by": by})
}

func (g *gitLab) group() {
	name := g.at[1]
	if len(g.at) > 2 && g.at[2] != "members" { // a path with a slash in it
		name = g.at[1] + "/" + g.at[2]
		g.at = append([]string{"groups", name}, g.at[3:]...)
	}
	members, ok := g.Teams[name]
	if !g.who.Teams || !ok {
		g.gone()
		return
	}
	if len(g.at) == 2 {
		answer(g.w, 200, map[string]any{"id": 1, "path": name})
		return
	}
	for _, a := range g.Accounts {
		if strconv.Itoa(a.ID) == g.at[len(g.at)-1] && slices.Contains(members, a.Login) {
			answer(g.w, 200, person(a))
			return
		}
	}
	g.gone()
}
