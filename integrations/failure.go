package integrations

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Reason says what a failed request means for what comes next.
type Reason int

// The reasons.
const (
	Broken  Reason = iota // no answer, or the server's fault: it may have been carried out all the same
	Busy                  // a limit was reached: try again later, nothing was carried out
	Denied                // the token may not do it: do without
	Gone                  // what it was about is not there any more
	Refused               // the host does not accept this, and would not next time
)

// Failure is a request that failed.
type Failure struct {
	Reason Reason
	After  time.Duration // the host asks to wait this long; 0: it did not say
	What   string        // "posting a comment"
	Text   string        // the host's words, without secrets
	// Permission would have allowed it: "pull-requests: write".
	Permission string
	// Bodies of the notes that were refused.
	Bodies []string
}

// Error says what was being done and what the host answered.
func (f *Failure) Error() string { return f.What + ": " + f.Text }

// reason is what err means; an error that no host made ends everything.
func reason(err error) (*Failure, bool) {
	var f *Failure
	ok := errors.As(err, &f)
	return f, ok
}

// Answer makes a Failure of a host's answer; resp is nil if there was none.
// secret is taken out of the text.
func Answer(what string, resp *http.Response, err error, secret string) *Failure {
	f := &Failure{What: what, Text: Clean(err, secret)}
	if resp == nil {
		return f
	}
	f.After = retryAfter(resp.Header, time.Now())
	code := resp.StatusCode
	limited := resp.Header.Get("Retry-After") != "" || resp.Header.Get("X-Ratelimit-Remaining") == "0" ||
		strings.Contains(strings.ToLower(f.Text), "rate limit")
	switch {
	case code == http.StatusTooManyRequests, code == http.StatusForbidden && limited:
		f.Reason = Busy
		if f.After == 0 {
			f.After = time.Minute // GitHub: without a header wait at least a minute
		}
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		f.Reason = Denied
	case code == http.StatusNotFound, code == http.StatusGone:
		f.Reason = Gone
	case code >= 400 && code < 500 && code != http.StatusRequestTimeout && code != http.StatusConflict:
		// GitLab answers 409 while another update of the same status is under way.
		f.Reason = Refused
	}
	return f
}

// Clean is an error's text in one line without the secret.
func Clean(err error, secret string) string {
	text := "no answer"
	if err != nil {
		text = err.Error()
	}
	if secret != "" {
		text = strings.ReplaceAll(text, secret, "[token]")
	}
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > 500 {
		text = strings.ToValidUTF8(text[:500], "") + "…"
	}
	return text
}

// retryAfter reads how long the host asks to wait, from the headers of GitHub
// (Retry-After, X-RateLimit-Reset) and GitLab (Retry-After, RateLimit-Reset).
func retryAfter(h http.Header, now time.Time) time.Duration {
	if v := h.Get("Retry-After"); v != "" {
		if n, err := strconv.Atoi(v); err == nil && n >= 0 {
			return max(time.Duration(n)*time.Second, time.Millisecond)
		}
		if t, err := http.ParseTime(v); err == nil {
			return max(t.Sub(now), time.Millisecond)
		}
	}
	for _, p := range []string{"X-Ratelimit-", "Ratelimit-"} {
		if h.Get(p+"Remaining") != "0" {
			continue
		}
		if n, err := strconv.ParseInt(h.Get(p+"Reset"), 10, 64); err == nil {
			return max(time.Unix(n, 0).Sub(now), time.Second)
		}
	}
	return 0
}

// Left is something that was not done.
type Left struct {
	What string // "the summary comment"
	Why  *Failure
}

// String is one line for the log: what was left out and what would allow it.
func (l Left) String() string {
	verb := "was"
	if strings.HasPrefix(l.What, "the comments") {
		verb = "were"
	}
	s := fmt.Sprintf("%s %s left out: %s", l.What, verb, l.Why.Text)
	if (l.Why.Reason == Denied || l.Why.Reason == Gone) && l.Why.Permission != "" {
		s += "; it needs " + l.Why.Permission
	}
	return s
}

func startLen(s string) (start, n int, ok bool) {
	a, b, two := strings.Cut(s, ",")
	start, err := strconv.Atoi(a)
	if err != nil {
		return 0, 0, false
	}
	if !two {
		return start, 1, true
	}
	n, err = strconv.Atoi(b)
	return start, n, err == nil
}
