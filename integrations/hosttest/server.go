// Package hosttest holds the fakes of GitHub and GitLab and the one suite that
// both clients pass over them. The fakes keep state and behave as the hosts
// do: pages, limits, refusals, rights, lost lines. Every request is held
// against the host's OpenAPI description.
package hosttest

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"github.com/assaydb/assay/integrations"
)

//go:embed testdata/*.json
var descriptions embed.FS

// Account is whom a token stands for.
type Account struct {
	ID          int
	Login       string
	Bot         bool   // GitHub: an app, whose token is not told its own name
	Association string // GitHub: "MEMBER", "NONE"
	// Reader: a person who may read the project and not write to it.
	Reader bool
	// What it may do. Everybody may read.
	Comment, EditOthers, Status, Teams bool
}

// Comment is a comment in the conversation or on a line.
type Comment struct {
	ID          int
	Author      Account
	Body        string
	Path        string
	Start, Line int
	Outdated    bool // the host lost its line
	ReplyTo     int  // the first comment of its thread
	Resolved    bool
	Review      int
}

// File is a changed file.
type File struct {
	Path, Old, Patch string
	New              bool
}

// Review is a reviewer's verdict.
type Review struct {
	Author              Account
	State, Body, Commit string
	Late                bool // GitLab: approved after the last push
}

// Fault makes requests fail.
type Fault struct {
	Method, Path string // Path is a part of it
	Times        int    // how often; -1: always
	Skip         int    // so many go through first
	Code         int    // 0: the connection is cut
	After        bool   // it is carried out all the same
	Header       map[string]string
	Message      string
}

// Server is the state of a fake host, with one repository "o/r" (GitLab:
// project 42) and one pull request 7.
type Server struct {
	mu       sync.Mutex
	Head     string
	Merged   string             // GitLab's merged result, of which the pipelines are; "": they are of Head
	Accounts map[string]Account // by token
	Comments []*Comment
	Files    []File
	Reviews  []Review
	Labels   []string
	Asked    []string            // for a review: logins
	Teams    map[string][]string // "org/team": logins
	Statuses []integrations.Status
	At       []string // the commit of each status
	Checks   []map[string]any
	Commands []string // quick actions that a comment would have carried out
	Faults   []*Fault
	Log      []string // "POST /repos/o/r/..."
	Wrong    []string // requests that are not as the host describes them
	Lag      bool     // a list does not show what was created since the last list
	Meet     func()   // runs before a comment is created, without the lock
	Moved    string   // a file whose lines the host does not take although it lists them

	next    int
	hidden  map[int]bool
	router  routers.Router
	prefix  string
	handler func(*Server, http.ResponseWriter, *http.Request, Account, map[string]any)
	auth    func(*http.Request) string
}

func newServer(description, prefix string) *Server {
	s := &Server{
		Head: strings.Repeat("a", 40), next: 100, prefix: prefix, hidden: map[int]bool{}, Teams: map[string][]string{},
		Accounts: map[string]Account{},
	}
	data, err := descriptions.ReadFile("testdata/" + description)
	if err != nil {
		panic(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(data)
	if err != nil {
		panic(err)
	}
	doc.Servers = nil
	if s.router, err = gorillamux.NewRouter(doc); err != nil {
		panic(err)
	}
	return s
}

// account is the one of a login, of whom a token is known or who wrote a review.
func (s *Server) account(matches func(Account) bool) (Account, bool) {
	for _, a := range s.Accounts {
		if matches(a) {
			return a, true
		}
	}
	for _, r := range s.Reviews {
		if matches(r.Author) {
			return r.Author, true
		}
	}
	for _, c := range s.Comments {
		if matches(c.Author) {
			return c.Author, true
		}
	}
	return Account{}, false
}

// ServeHTTP answers as the host would.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	path, ok := strings.CutPrefix(r.URL.EscapedPath(), s.prefix)
	if !ok {
		http.Error(w, `{"message":"Not Found"}`, http.StatusNotFound)
		return
	}
	var in map[string]any
	if len(body) > 0 && json.Unmarshal(body, &in) != nil {
		if form, err := url.ParseQuery(string(body)); err == nil {
			in = map[string]any{}
			for k, v := range form {
				in[k] = v[0]
			}
		}
	}
	if r.Method == http.MethodPost && s.Meet != nil && strings.HasSuffix(path, "/comments") || r.Method == http.MethodPost && s.Meet != nil && strings.HasSuffix(path, "/notes") {
		s.Meet()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Log = append(s.Log, r.Method+" "+path)
	s.validate(r, path, body)
	who, known := s.Accounts[s.auth(r)]
	r.URL.Path, _ = url.PathUnescape(path)
	fault := s.fault(r.Method, path)
	switch {
	case fault != nil && fault.After:
		s.handler(s, discard{http.Header{}}, r, who, in)
		fail(w, fault)
	case fault != nil:
		fail(w, fault)
	case !known:
		answer(w, 401, map[string]any{"message": "Bad credentials"})
	default:
		s.handler(s, w, r, who, in)
	}
}

func fail(w http.ResponseWriter, f *Fault) {
	if f.Code == 0 {
		panic(http.ErrAbortHandler)
	}
	for k, v := range f.Header {
		w.Header().Set(k, v)
	}
	answer(w, f.Code, map[string]any{"message": f.Message})
}

func (s *Server) fault(method, path string) *Fault {
	for _, f := range s.Faults {
		if f.Times == 0 || f.Method != method || !strings.Contains(path, f.Path) {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		f.Times--
		return f
	}
	return nil
}

func (s *Server) validate(r *http.Request, path string, body []byte) {
	c := r.Clone(r.Context())
	c.URL = &url.URL{Path: path, RawQuery: r.URL.RawQuery}
	c.Body = io.NopCloser(bytes.NewReader(body))
	route, params, err := s.router.FindRoute(c)
	if err != nil {
		s.Wrong = append(s.Wrong, fmt.Sprintf("%s %s: %v", r.Method, path, err))
		return
	}
	err = openapi3filter.ValidateRequest(c.Context(), &openapi3filter.RequestValidationInput{
		Request: c, PathParams: params, Route: route,
		Options: &openapi3filter.Options{MultiError: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc},
	})
	if err != nil {
		s.Wrong = append(s.Wrong, fmt.Sprintf("%s %s: %v", r.Method, path, err))
	}
}

type discard struct{ h http.Header }

func (d discard) Header() http.Header       { return d.h }
func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) WriteHeader(int)             {}

func answer(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(code)
	if v != nil && code != 204 {
		_ = json.NewEncoder(w).Encode(v) // the reader went away
	}
}

func (s *Server) id() int { s.next++; return s.next }

func (s *Server) add(c Comment) *Comment {
	c.ID = s.id()
	s.Comments = append(s.Comments, &c)
	if s.Lag {
		s.hidden[c.ID] = true
	}
	return &c
}

// Add puts a comment there, as another program or a person would.
func (s *Server) Add(c Comment) *Comment {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.add(c)
}

func (s *Server) comment(id int) *Comment {
	for _, c := range s.Comments {
		if c.ID == id {
			return c
		}
	}
	return nil
}

func (s *Server) drop(c *Comment) {
	for i := range s.Comments {
		if s.Comments[i] == c {
			s.Comments = append(s.Comments[:i:i], s.Comments[i+1:]...)
			return
		}
	}
}

// page cuts a list as the request asks for; next is 0 on the last page.
func page[T any](r *http.Request, list []T) (part []T, at, next int) {
	per, _ := strconv.Atoi(r.URL.Query().Get("per_page"))
	if per < 1 {
		per = 30 // GitLab: 20
	}
	per = min(per, 100)
	at, _ = strconv.Atoi(r.URL.Query().Get("page"))
	at = max(at, 1)
	from := min((at-1)*per, len(list))
	to := min(from+per, len(list))
	if to < len(list) {
		next = at + 1
	}
	return list[from:to], at, next
}

// place says whether a note can be on the lines of the file, and why not.
func (s *Server) place(path string, start, line int) string {
	if path == s.Moved {
		return "line must be part of the diff"
	}
	for _, f := range s.Files {
		if f.Path != path {
			continue
		}
		spans, _ := integrations.ParsePatch(f.Patch)
		if start > line {
			return "start line must precede the end line"
		}
		for _, sp := range spans {
			if sp.From <= line && line <= sp.To {
				if start < sp.From {
					return "start line must be part of the same hunk as the line"
				}
				return ""
			}
		}
		return "line must be part of the diff"
	}
	return "path is invalid"
}

func num(v any) int {
	switch n := v.(type) {
	case float64:
		return int(n)
	case string:
		i, _ := strconv.Atoi(n)
		return i
	}
	return 0
}

func str(v any) string { s, _ := v.(string); return s }
