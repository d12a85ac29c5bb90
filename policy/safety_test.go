package policy

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"time"
)

// breach is a rule with a body that tries to get out.
func breach(body string) map[string]string {
	return map[string]string{"a.rego": "# METADATA\n# title: x\n# custom:\n#   id: BAD1\npackage p\n\ndeny contains {\"message\": \"got out\"} if {\n" + body + "\n}\n"}
}

// TestForbidden refuses at load what reaches out of the document.
func TestForbidden(t *testing.T) {
	for _, c := range []struct{ body, want string }{
		{`http.send({"method": "get", "url": "http://169.254.169.254/"}).status_code == 200`, "http.send is not there for policies"},
		{`opa.runtime().env.GITHUB_TOKEN != ""`, "opa.runtime is not there for policies"},
		{`net.lookup_ip_addr("example.com")`, "net.lookup_ip_addr is not there for policies"},
		{`net.cidr_contains("10.0.0.0/8", "10.0.0.1")`, "net.cidr_contains is not there for policies"},
		{`rand.intn("x", 10) == 1`, "rand.intn is not there for policies"},
		{`uuid.rfc4122("x") != ""`, "uuid.rfc4122 is not there for policies"},
		{`json.match_schema({}, {"$ref": "file:///etc/passwd"})[0]`, "json.match_schema is not there for policies"},
		{`rego.parse_module("x", "package x")`, "rego.parse_module is not there for policies"},
		{`graph.reachable_paths({}, {"a"})`, "graph.reachable_paths is not there for policies"},
		{`input.env.GITHUB_TOKEN != ""`, "input has no field env: the fields are added, after"},
		{`input.context.token != ""`, "input.context has no field token"},
		{`file.read("/etc/passwd")`, "there is no function file.read"},
	} {
		_, err := load(t, Options{}, breach("\t"+c.body))
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "policies/a.rego:8") {
			t.Errorf("%s: got %v, want %q", c.body, err, c.want)
		}
	}
}

// TestWithCannotReplace keeps a policy from putting a forbidden function in
// the place of an allowed one.
func TestWithCannotReplace(t *testing.T) {
	_, err := load(t, Options{}, breach("\tupper(\"x\") with upper as http.send"))
	if err == nil {
		t.Error("a forbidden function can be mocked in")
	}
}

// TestLimits ends what does not end by itself, and names the rule.
func TestLimits(t *testing.T) {
	for _, c := range []struct{ name, body, want string }{
		{"endless comprehension", "\tr := numbers.range(1, 100000)\n\tcount([1 | some a in r; some b in r; a + b == 0]) > 0", "policy rule BAD1: takes longer than 300ms"},
		{"a billion numbers", "\tcount(numbers.range(1, 1000000000)) > 0", "policy rule BAD1: "},
		{"a product that fills the memory", "\tr := numbers.range(1, 3000)\n\tcount({[a, b, c] | some a in r; some b in r; some c in r}) > 0", "policy rule BAD1: "},
		{"a regular expression", "\tregex.match(`(a*)*(a*)*(a*)*b`, concat(\"\", [\"a\" | some i in numbers.range(1, 3000000)]))", "policy rule BAD1: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := load(t, Options{Timeout: 300 * time.Millisecond, MaxMemory: 64 << 20}, breach(c.body))
			if err != nil {
				t.Fatal(err)
			}
			_, err = (&Rules{Policies: p}).Judge(context.Background(), ordersRecord(), nil)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			runtime.GC()
		})
	}
}

// TestMemoryLimit names memory where memory is what ends the rule.
func TestMemoryLimit(t *testing.T) {
	p, err := load(t, Options{Timeout: 20 * time.Second, MaxMemory: 32 << 20}, breach("\tr := numbers.range(1, 3000)\n\tcount([[a, b, c] | some a in r; some b in r; some c in r]) > 0"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = (&Rules{Policies: p}).Judge(context.Background(), ordersRecord(), nil)
	if err == nil || !strings.Contains(err.Error(), "BAD1: uses more than") {
		t.Errorf("got %v", err)
	}
}

func TestTooManyResults(t *testing.T) {
	files := map[string]string{"a.rego": "# METADATA\n# title: x\n# custom:\n#   id: BAD1\npackage p\n\ndeny contains {\"message\": sprintf(\"%d\", [i])} if some i in numbers.range(1, 5000)\n"}
	p, err := load(t, Options{MaxResults: 1000}, files)
	if err != nil {
		t.Fatal(err)
	}
	wantError(t, failure(p), "policy rule BAD1 (policies/a.rego:1): has 5000 new results, more than the limit of 1000")
}

// TestClock gives every rule one time, and the epoch if nobody says which.
func TestClock(t *testing.T) {
	text := "# METADATA\n# title: x\n# custom:\n#   id: T1\npackage p\n\ndeny contains {\"message\": sprintf(\"%d\", [time.now_ns()])}\n"
	for _, c := range []struct {
		now  time.Time
		want string
	}{{time.Time{}, "0"}, {time.Unix(0, 42), "42"}} {
		found := judge(t, Options{Now: c.now}, map[string]string{"a.rego": text})
		if len(found) != 1 || found[0].Message != c.want {
			t.Errorf("got %+v, want %s", found, c.want)
		}
	}
}

// TestCanceled tells the caller's own end from the limits.
func TestCanceled(t *testing.T) {
	p, err := load(t, Options{}, breach("\tr := numbers.range(1, 100000)\n\tcount([1 | some a in r; some b in r; a + b == 0]) > 0"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err = (&Rules{Policies: p}).Judge(ctx, ordersRecord(), nil); err == nil {
		t.Error("want an error")
	}
}
