package hosttest

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/assaydb/assay/integrations"
)

// NewGitHub makes a fake GitHub Enterprise, whose API is below /api/v3.
func NewGitHub() *Server {
	s := newServer("github-openapi.json", "/api/v3")
	s.handler = serveGitHub
	s.auth = func(r *http.Request) string { return strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ") }
	return s
}

func serveGitHub(s *Server, w http.ResponseWriter, r *http.Request, who Account, in map[string]any) {
	w.Header().Set("X-RateLimit-Limit", "5000")
	w.Header().Set("X-RateLimit-Remaining", "4000")
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if parts[0] == "repos" && len(parts) > 3 {
		if parts[1]+"/"+parts[2] != "o/r" {
			answer(w, 404, map[string]any{"message": "Not Found"})
			return
		}
		g := &gitHub{s, w, r, who, in, parts[3:]}
		g.repo()
		return
	}
	g := &gitHub{s, w, r, who, in, parts}
	switch {
	case r.URL.Path == "/user" && who.Bot:
		g.denied()
	case r.URL.Path == "/user":
		answer(w, 200, user(who))
	case parts[0] == "orgs":
		g.team()
	default:
		answer(w, 404, map[string]any{"message": "Not Found"})
	}
}

type gitHub struct {
	*Server
	w   http.ResponseWriter
	r   *http.Request
	who Account
	in  map[string]any
	at  []string // the path below the repository
}

func (g *gitHub) denied() {
	answer(g.w, 403, map[string]any{"message": "Resource not accessible by integration"})
}

func (g *gitHub) refused(why string) {
	answer(g.w, 422, map[string]any{"message": "Unprocessable Entity", "errors": []any{why}})
}

func user(a Account) map[string]any {
	kind := "User"
	if a.Bot {
		kind = "Bot"
	}
	return map[string]any{"login": a.Login, "id": a.ID, "type": kind}
}

func (g *gitHub) repo() {
	route := g.r.Method + " " + strings.Join(g.at, "/")
	switch {
	case route == "GET issues/7/comments":
		g.list(func(c *Comment) bool { return c.Path == "" })
	case route == "GET pulls/7":
		g.pull()
	case route == "GET pulls/7/comments":
		g.list(func(c *Comment) bool { return c.Path != "" })
	case route == "POST issues/7/comments":
		g.post()
	case route == "POST pulls/7/comments":
		g.single()
	case route == "POST pulls/7/reviews":
		g.review()
	case route == "GET pulls/7/reviews":
		g.reviews()
	case route == "GET pulls/7/files":
		g.files()
	case route == "GET pulls":
		g.pulls()
	case len(g.at) == 3 && g.at[1] == "comments":
		g.change()
	case len(g.at) == 3 && g.at[0] == "commits" && g.at[2] == "pulls":
		answer(g.w, 200, []any{}) // as it is for forks
	case len(g.at) == 3 && g.at[0] == "commits" && g.at[2] == "statuses":
		g.listStatuses()
	case len(g.at) == 2 && g.at[0] == "statuses":
		g.status()
	case len(g.at) == 3 && g.at[0] == "collaborators" && g.at[2] == "permission":
		g.permission(g.at[1])
	case g.at[0] == "check-runs":
		g.check()
	default:
		answer(g.w, 404, map[string]any{"message": "Not Found"})
	}
}

func (g *gitHub) permission(login string) {
	a, ok := g.account(func(a Account) bool { return a.Login == login })
	level := "write"
	switch {
	case !ok:
		answer(g.w, 404, map[string]any{"message": login + " is not a user"})
		return
	case a.Reader:
		level = "read"
	}
	answer(g.w, 200, map[string]any{"permission": level, "role_name": level, "user": user(a)})
}

func (g *gitHub) list(want func(*Comment) bool) {
	out := []map[string]any{}
	for _, c := range g.Comments {
		if want(c) && !g.hidden[c.ID] {
			out = append(out, g.show(c))
		}
	}
	g.hidden = map[int]bool{}
	g.paged(out)
}

func (g *gitHub) paged(list []map[string]any) {
	part, _, next := page(g.r, list)
	if next > 0 {
		q := g.r.URL.Query()
		q.Set("page", strconv.Itoa(next))
		g.w.Header().Set("Link", fmt.Sprintf(`<http://%s%s?%s>; rel="next"`, g.r.Host, g.prefix+g.r.URL.Path, q.Encode()))
	}
	answer(g.w, 200, part)
}

func (g *gitHub) show(c *Comment) map[string]any {
	m := map[string]any{
		"id": c.ID, "body": c.Body, "user": user(c.Author), "author_association": c.Author.Association,
		"html_url": fmt.Sprintf("https://github.example/o/r/pull/7#comment-%d", c.ID),
	}
	if c.Path == "" {
		return m
	}
	m["path"], m["line"], m["side"] = c.Path, c.Line, "RIGHT"
	if c.Start != 0 && c.Start != c.Line {
		m["start_line"] = c.Start
	}
	if c.Outdated {
		m["line"], m["original_line"] = nil, c.Line
		delete(m, "start_line")
	}
	if c.ReplyTo != 0 {
		m["in_reply_to_id"] = c.ReplyTo
	}
	return m
}

// body takes a comment's text, or answers why not.
func (g *gitHub) body() (string, bool) {
	text := str(g.in["body"])
	switch {
	case !g.who.Comment:
		g.denied()
	case text == "":
		g.refused("Body can't be blank")
	case utf8.RuneCountInString(text) > 65536:
		g.refused("Body is too long (maximum is 65536 characters)")
	default:
		return text, true
	}
	return "", false
}

func (g *gitHub) post() {
	if text, ok := g.body(); ok {
		answer(g.w, 201, g.show(g.add(Comment{Author: g.who, Body: text})))
	}
}

func (g *gitHub) change() {
	id, _ := strconv.Atoi(g.at[2])
	c := g.comment(id)
	switch {
	case c == nil || (c.Path == "") != (g.at[0] == "issues"):
		answer(g.w, 404, map[string]any{"message": "Not Found"})
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

func (g *gitHub) single() {
	text, ok := g.body()
	if !ok {
		return
	}
	if why := g.wrongPlace(g.in); why != "" {
		g.refused("pull_request_review_thread." + why)
		return
	}
	answer(g.w, 201, g.show(g.add(Comment{Author: g.who, Body: text, Path: str(g.in["path"]), Start: num(g.in["start_line"]), Line: num(g.in["line"])})))
}

func (g *gitHub) wrongPlace(m map[string]any) string {
	start := num(m["start_line"])
	if start == 0 {
		start = num(m["line"])
	} else if start >= num(m["line"]) {
		return "start line must precede the end line"
	}
	return g.place(str(m["path"]), start, num(m["line"]))
}

// review is posted whole or not at all.
func (g *gitHub) review() {
	list, _ := g.in["comments"].([]any)
	switch {
	case !g.who.Comment:
		g.denied()
		return
	case str(g.in["body"]) == "" && str(g.in["event"]) == "COMMENT":
		g.refused("Body can't be blank")
		return
	case str(g.in["event"]) == "":
		g.refused("a review without an event stays pending and is seen by nobody")
		return
	case str(g.in["commit_id"]) != g.Head:
		g.refused("commit_id is not part of the pull request")
		return
	case len(list) > 30:
		g.Wrong = append(g.Wrong, fmt.Sprintf("a review with %d comments", len(list)))
	}
	for _, x := range list {
		m := x.(map[string]any)
		if why := g.wrongPlace(m); why != "" {
			g.refused("pull_request_review_thread." + why)
			return
		}
	}
	id := g.id()
	for _, x := range list {
		m := x.(map[string]any)
		g.add(Comment{Author: g.who, Body: str(m["body"]), Path: str(m["path"]), Start: num(m["start_line"]), Line: num(m["line"]), Review: id})
	}
	answer(g.w, 200, map[string]any{"id": id, "state": "COMMENTED"})
}

func (g *gitHub) pull() {
	labels, asked, teams := []any{}, []any{}, []any{}
	for _, l := range g.Labels {
		labels = append(labels, map[string]any{"name": l})
	}
	for _, who := range g.Asked {
		if org, team, ok := strings.Cut(who, "/"); ok {
			teams = append(teams, map[string]any{"slug": team, "name": org + " " + team})
		} else {
			asked = append(asked, user(Account{Login: who}))
		}
	}
	answer(g.w, 200, map[string]any{
		"number": 7, "state": "open", "title": "the title", "body": "why", "draft": true, "user": user(Account{ID: 1, Login: "author"}), "labels": labels,
		"requested_reviewers": asked, "requested_teams": teams,
		"head": map[string]any{"ref": "feature", "sha": g.Head}, "base": map[string]any{"ref": "main"},
	})
}

func (g *gitHub) reviews() {
	out := []map[string]any{}
	for _, v := range g.Reviews {
		out = append(out, map[string]any{"id": len(out) + 1, "user": user(v.Author), "state": v.State, "body": v.Body, "commit_id": v.Commit})
	}
	g.paged(out)
}

func (g *gitHub) files() {
	out := []map[string]any{}
	for i, f := range g.Files {
		if i == 3000 {
			break // GitHub lists no more
		}
		m := map[string]any{"filename": f.Path, "status": "modified", "sha": g.Head}
		if f.Patch != "" {
			m["patch"] = f.Patch
		}
		if f.New {
			m["status"] = "added"
		}
		if f.Old != "" {
			m["status"], m["previous_filename"] = "renamed", f.Old
		}
		out = append(out, m)
	}
	g.paged(out)
}

func (g *gitHub) pulls() {
	answer(g.w, 200, []any{
		map[string]any{"number": 6, "state": "open", "head": map[string]any{"sha": strings.Repeat("b", 40)}, "base": map[string]any{"repo": map[string]any{"full_name": "o/r"}}},
		map[string]any{"number": 7, "state": "open", "head": map[string]any{"sha": g.Head}, "base": map[string]any{"repo": map[string]any{"full_name": "o/r"}}},
	})
}

func (g *gitHub) status() {
	switch {
	case !g.who.Status:
		g.denied()
	case utf8.RuneCountInString(str(g.in["description"])) > 140:
		g.refused("description is too long (maximum is 140 characters)")
	default:
		g.Statuses = append(g.Statuses, integrations.Status{Name: str(g.in["context"]), State: integrations.State(str(g.in["state"])), Description: str(g.in["description"]), URL: str(g.in["target_url"])})
		g.At = append(g.At, g.at[1])
		answer(g.w, 201, map[string]any{"id": g.id()})
	}
}

func (g *gitHub) listStatuses() {
	out := []map[string]any{}
	for i := len(g.Statuses) - 1; i >= 0; i-- {
		if g.At[i] == g.at[1] {
			s := g.Statuses[i]
			out = append(out, map[string]any{"state": s.State, "description": s.Description, "context": s.Name})
		}
	}
	g.paged(out)
}

func (g *gitHub) check() {
	if !g.who.Bot || !g.who.Status {
		g.denied()
		return
	}
	if g.r.Method == http.MethodPost {
		g.Checks = append(g.Checks, g.in)
		answer(g.w, 201, map[string]any{"id": len(g.Checks)})
		return
	}
	id, _ := strconv.Atoi(g.at[1])
	more, _ := g.in["output"].(map[string]any)["annotations"].([]any)
	out := g.Checks[id-1]["output"].(map[string]any)
	have, _ := out["annotations"].([]any)
	out["annotations"] = append(have, more...)
	answer(g.w, 200, map[string]any{"id": id})
}

func (g *gitHub) team() {
	if !g.who.Teams {
		answer(g.w, 404, map[string]any{"message": "Not Found"})
		return
	}
	name := g.at[1] + "/" + g.at[3]
	members, ok := g.Teams[name]
	if !ok {
		answer(g.w, 404, map[string]any{"message": "Not Found"})
		return
	}
	if len(g.at) == 4 {
		answer(g.w, 200, map[string]any{"id": 1, "slug": g.at[3]})
		return
	}
	for _, m := range members {
		if m == g.at[5] {
			answer(g.w, 200, map[string]any{"state": "active", "role": "member"})
			return
		}
	}
	answer(g.w, 404, map[string]any{"message": "Not Found"})
}
