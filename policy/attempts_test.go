package policy

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

var updateSecurity = flag.Bool("update-security", false, "rewrite the table of attempts in SECURITY.md")

// large is a text of a million characters, doubled is a value of 2^40 parts that
// shares them.
const (
	large   = "\tbig := concat(\"\", [\"aaaaaaaaaa\" | some i in numbers.range(1, 100000)])\n"
	doubled = "\tx0 := [\"a\", \"a\"]\n" +
		"\tx1 := [x0, x0, x0, x0]\n\tx2 := [x1, x1, x1, x1]\n\tx3 := [x2, x2, x2, x2]\n\tx4 := [x3, x3, x3, x3]\n\tx5 := [x4, x4, x4, x4]\n" +
		"\tx6 := [x5, x5, x5, x5]\n\tx7 := [x6, x6, x6, x6]\n\tx8 := [x7, x7, x7, x7]\n\tx9 := [x8, x8, x8, x8]\n\tx := [x9, x9, x9, x9, x9, x9, x9, x9, x9, x9, x9, x9]\n"
)

// attempts are what policies try, and what stops them: the table in SECURITY.md.
var attempts = []struct{ what, layer, body, want string }{
	{"send a request", "not offered", `http.send({"method": "get", "url": "http://169.254.169.254/"}).status_code == 200`, "http.send is not there"},
	{"read the environment", "not offered", `opa.runtime().env.GITHUB_TOKEN != ""`, "opa.runtime is not there"},
	{"look a name up", "not offered", `net.lookup_ip_addr("example.com")`, "net.lookup_ip_addr is not there"},
	{"expand a network", "not offered", `count(net.cidr_expand("0.0.0.0/0")) > 0`, "net.cidr_expand is not there"},
	{"random numbers", "not offered", `rand.intn("x", 10) == 1`, "rand.intn is not there"},
	{"random ids", "not offered", `uuid.rfc4122("x") != ""`, "uuid.rfc4122 is not there"},
	{"load a schema from a file", "not offered", `json.match_schema({}, {"$ref": "file:///etc/passwd"})[0]`, "json.match_schema is not there"},
	{"verify a schema", "not offered", `json.verify_schema({})[0]`, "json.verify_schema is not there"},
	{"parse other policies", "not offered", `rego.parse_module("x", "package x")`, "rego.parse_module is not there"},
	{"all paths of a graph", "not offered", `graph.reachable_paths({}, {"a"})`, "graph.reachable_paths is not there"},
	{"a template with loops", "not offered", `strings.render_template("{{range .a}}x{{end}}", {"a": [1]}) != ""`, "strings.render_template is not there"},
	{"a GraphQL query", "not offered", `graphql.is_valid("{a}", "type Query {a: String}")`, "graphql.is_valid is not there"},
	{"sign a token", "not offered", `io.jwt.encode_sign({}, {}, {}) != ""`, "io.jwt.encode_sign is not there"},
	{"verify a token", "not offered", `io.jwt.verify_hs256("x", "y")`, "io.jwt.verify_hs256 is not there"},
	{"parse a certificate", "not offered", `count(crypto.x509.parse_certificates("x")) > 0`, "crypto.x509.parse_certificates is not there"},
	{"sign a request of a cloud", "not offered", `providers.aws.sign_req({}, {}, 1) != {}`, "providers.aws.sign_req is not there"},
	{"intersect globs", "not offered", `regex.globs_match("a*b*c*", "*a*b*c")`, "regex.globs_match is not there"},
	{"read a file", "no such function", `file.read("/etc/passwd")`, "there is no function file.read"},
	{"run a program", "no such function", `exec.run("id")`, "there is no function exec.run"},
	{"a field that could hold a token", "types of the input", `input.context.token != ""`, "input.context has no field token"},
	{"the environment in the input", "types of the input", `input.env.GITHUB_TOKEN != ""`, "input has no field env"},
	{"a forbidden function in the place of another", "compiler", `upper("x") with upper as http.send`, "has no value"},
	{"shift a bit far", "size of the result", `bits.lsh(1, 100000000000) > 0`, "bits.lsh: the result would have 12 GB"},
	{"shift a bit by a billion digits", "parser", `bits.lsh(1, 1e1000000000) > 0`, "number too big"},
	{"a number with a huge exponent, rounded", "parser", `round(1e1000000000) > 0`, "number too big"},
	{"a number with a huge exponent, divided", "parser", `1e1000000000 % 3 == 0`, "number too big"},
	{"a number with a huge exponent, written out", "parser", `format_int(1e1000000000, 10) != ""`, "number too big"},
	{"a number with a huge exponent, of a text", "size of a number", `to_number("1e1000000000") + 1 > 0`, ""},
	{"a unit with a huge exponent", "size of a number", `units.parse("1e999999999G") > 0`, "more than 10000 digits"},
	{"bytes with a huge exponent", "size of a number", `units.parse_bytes("1e999999999GB") > 0`, "more than 10000 digits"},
	{"square a number again and again", "size of a number", "a := bits.lsh(1, 30000)\n\tb := a * a\n\tc := b * b\n\td := c * c\n\td > 0", "more than 10000 digits"},
	{"a product of large numbers", "size of a number", "a := bits.lsh(1, 30000)\n\tr := numbers.range(1, 300)\n\tl := [b | some i in r; b := a * i]\n\tproduct(l) > 0", "more than 1000000 digits together"},
	{"a billion numbers", "items of the result", `count(numbers.range(1, 1000000000)) > 0`, "numbers.range: the result would have more than the 1048576 items"},
	{"a billion numbers in steps", "items of the result", `count(numbers.range_step(1, 1000000000, 2)) > 0`, "numbers.range_step: the result would have more than"},
	{"a text in the place of each letter", "size of the result", large + "\treplace(big, \"a\", big) != \"\"", "replace: the result would have"},
	{"a text in the place of nothing", "size of the result", large + "\treplace(big, \"\", big) != \"\"", "replace: the result would have"},
	{"several texts in the place of letters", "size of the result", large + "\tstrings.replace_n({\"a\": big}, big) != \"\"", "strings.replace_n: the result would have"},
	{"a text for each match", "size of the result", large + "\tregex.replace(big, \"a\", big) != \"\"", "regex.replace: the result would have"},
	{"groups for each match", "size of the result", large + "\tregex.replace(big, \"(a+)\", \"$1$1$1$1$1$1$1$1$1$1$1$1$1$1$1$1$1$1$1$1\") != \"\"", "regex.replace: the result would have"},
	{"a text joined many times", "size of the result", large + "\tconcat(\"\", [big | some i in numbers.range(1, 1000)]) != \"\"", "concat: the result would have"},
	{"a long text between many", "size of the result", large + "\tconcat(big, [\"\" | some i in numbers.range(1, 1000)]) != \"\"", "concat: the result would have"},
	{"a padded number", "size of the result", `sprintf("%1000000000d", [1]) != ""`, "sprintf: the result would have"},
	{"a number padded by another", "size of the result", `sprintf("%*d", [1000000000, 1]) != ""`, "sprintf: the result would have"},
	{"a billion digits", "size of the result", `sprintf("%.1000000000f", [1.5]) != ""`, "sprintf: the result would have"},
	{"one operand written often", "size of the result", large + "\tsprintf(\"%[1]s%[1]s%[1]s%[1]s%[1]s%[1]s%[1]s%[1]s%[1]s%[1]s%[1]s%[1]s%[1]s%[1]s%[1]s%[1]s%[1]s%[1]s\", [big]) != \"\"", "sprintf: the result would have"},
	{"split a text into letters", "items of the result", large + "\tcount(split(concat(\"\", [big, big]), \"\")) > 0", "split: the result would have more than"},
	{"find each letter", "items of the result", large + "\tcount(regex.find_n(\"a\", concat(\"\", [big, big]), -1)) > 0", "regex.find_n: the result would have more than"},
	{"find each letter's groups", "items of the result", large + "\tcount(regex.find_all_string_submatch_n(\"(((((a)))))\", big, -1)) > 0", "the result would have more than"},
	{"the places of each letter", "items of the result", large + "\tcount(indexof_n(concat(\"\", [big, big]), \"a\")) > 0", "indexof_n: the result would have more than"},
	{"write out what shares its parts", "size of the result", doubled + "\tjson.marshal(x) != \"\"", "policy rule BAD1: "},
	{"write it out as YAML", "size of the result", doubled + "\tyaml.marshal(x) != \"\"", "policy rule BAD1: "},
	{"print it into a text", "size of the result", doubled + "\tsprintf(\"%v\", [x]) != \"\"", "policy rule BAD1: "},
	{"print it", "size of the result", doubled + "\tprint(x)", "policy rule BAD1: "},
	{"indent by a long text", "size of the result", large + "\tjson.marshal_with_options([[[1, 2, 3, 4, 5, 6, 7, 8, 9]]], {\"pretty\": true, \"indent\": big}) != \"\"", "json.marshal_with_options: the result would have"},
	{"unite objects that share their parts", "size of the result", "\ta := {\"a\": 1}\n" + doubled + "\tobject.union({\"x\": x}, a) != {}", "policy rule BAD1: "},
	{"patch a document into itself", "size of the result", "\tjson.patch({\"a\": [1]}, [{\"op\": \"copy\", \"from\": \"/a\", \"path\": \"/a/0\"} | some i in numbers.range(1, 40)]) != {}", "json.patch: the result would have"},
	{"aliases of aliases in YAML", "size of the result", "\ts := concat(\"\\n\", array.concat([\"a: &a [x, x]\"], [\"b: [*a, *a, *a, *a]\" | some i in numbers.range(1, 60)]))\n\tyaml.unmarshal(s) != {}", "yaml.unmarshal: the text has more than 100 aliases"},
	{"a glob with many alternatives", "size of a pattern", "\tglob.match(\"" + strings.Repeat("{a,b}", 40) + "\", [], \"a\")", "glob.match: the pattern has more than"},
	{"a comparison of all with all", "time", "\tr := numbers.range(1, 100000)\n\tcount([1 | some a in r; some b in r; a + b == 0]) > 0", "takes longer than"},
	{"a product of large lists", "memory or time", "\tr := numbers.range(1, 3000)\n\tcount({[a, b, c] | some a in r; some b in r; some c in r}) > 0", "policy rule BAD1: "},
	{"an expression that backtracks", "Go's regular expressions do not", "\tregex.match(`(a*)*(a*)*(a*)*b`, \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\")", ""},
}

// TestAttempts: nothing that a policy tries gets out, or ends assay; where it
// is stopped while it runs, the error names the rule.
func TestAttempts(t *testing.T) {
	for _, c := range attempts {
		t.Run(c.what, func(t *testing.T) {
			guard := time.Minute
			if strings.Contains(c.layer, "time") { // what stops it is the clock, and nothing is gained by waiting
				guard = 2 * time.Second
			}
			p, err := load(t, Options{Timeout: guard, MaxMemory: 256 << 20}, breach("\t"+strings.TrimLeft(c.body, "\t")))
			loaded := err == nil
			if loaded {
				var found []string
				list, err2 := (&Rules{Policies: p}).Judge(context.Background(), ordersRecord(), nil)
				err = err2
				for _, f := range list {
					found = append(found, f.Message)
				}
				if len(found) > 0 {
					t.Errorf("it got out: %q", found)
				}
			}
			switch {
			case c.want == "" && err == nil:
			case err == nil || !strings.Contains(err.Error(), c.want):
				t.Errorf("got %.300v, want %s", err, c.want)
			case loaded && !strings.Contains(err.Error(), "policy rule BAD1: "):
				t.Errorf("%.300v does not name the rule", err)
			}
		})
	}
}

// TestResultsAreBounded: a result that shares its parts is not written out.
func TestResultsAreBounded(t *testing.T) {
	files := breach(doubled + "\tcount(x) > 0")
	files["a.rego"] = strings.Replace(files["a.rego"], `{"message": "got out"}`, `{"message": "got out", "object": x}`, 1)
	p, err := load(t, Options{}, files)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = (&Rules{Policies: p}).Judge(context.Background(), ordersRecord(), nil); err == nil || !strings.Contains(err.Error(), "policy rule BAD1: ") || !strings.Contains(err.Error(), "the results are larger than 16 MB") {
		t.Errorf("got %.300v", err)
	}
}

// TestAttemptsAreListed holds SECURITY.md to the table.
func TestAttemptsAreListed(t *testing.T) {
	const begin, end = "<!-- policies: go test ./policy -update-security -->\n", "<!-- end of policies -->\n"
	var b strings.Builder
	b.WriteString(begin + "| attempt by a policy | what stops it | test |\n|---|---|---|\n")
	for _, c := range attempts {
		fmt.Fprintf(&b, "| %s | %s | TestAttempts/%s |\n", c.what, c.layer, strings.ReplaceAll(c.what, " ", "_"))
	}
	b.WriteString(end)
	const file = "../SECURITY.md"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the attempts by policies", file)
	}
	if want := before + b.String() + after; want != string(text) {
		if !*updateSecurity {
			t.Fatalf("%s is stale: run go test ./policy -update-security", file)
		}
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
