//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/assaydb/assay/integrations/ci"
)

// TestWorkflows holds the examples of the documentation against actionlint,
// with this repository's action.yml for the inputs.
func TestWorkflows(t *testing.T) {
	files, err := examples()
	if err != nil || len(files) < 4 {
		t.Fatal("there are no examples")
	}
	dir := t.TempDir()
	must(t, dir, "git", "init", "-q")
	must(t, dir, "cp", repo(t, "action.yml"), ".")
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		text := regexp.MustCompile(`uses: assaydb/assay@v\S+`).ReplaceAllString(string(data), "uses: ./")
		write(t, dir, ".github/workflows/"+filepath.Base(f), text)
	}
	if out, code := sh(t, dir, nil, tool(t, "bin/actionlint"), "-no-color"); code != 0 {
		t.Error(out)
	}
}

// TestParsers holds action.yml and the orb against the hosts' own parsers.
func TestParsers(t *testing.T) {
	node := tool(t, "npm/node_modules/.bin/node")
	if out, code := sh(t, ".", nil, node, "parse.mjs", repo(t, "."), os.Getenv("ASSAY_E2E_TOOLS")); code != 0 {
		t.Error(out)
	}
}

// TestRelease holds .goreleaser.yaml against goreleaser's schema.
func TestRelease(t *testing.T) {
	out := must(t, t.TempDir(), "go", "mod", "download", "-json", "github.com/goreleaser/goreleaser/v2@v2.12.7")
	var module struct{ Dir string }
	if err := json.Unmarshal([]byte(out), &module); err != nil {
		t.Fatal(err)
	}
	schema, err := jsonschema.NewCompiler().Compile(filepath.Join(module.Dir, "www/docs/static/schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile("../../.goreleaser.yaml")
	if err != nil {
		t.Fatal(err)
	}
	asJSON, err := yaml.YAMLToJSON(data)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(doc); err != nil {
		t.Error(err)
	}
}

// TestEvents reads the events that GitHub shows as examples.
func TestEvents(t *testing.T) {
	for _, kind := range []string{"pull_request", "push", "merge_group", "workflow_run"} {
		files, err := filepath.Glob(tool(t, "npm/node_modules/@octokit/webhooks-examples") + "/api.github.com/" + kind + "/*.json")
		if err != nil {
			t.Fatal(err)
		}
		if len(files) == 0 {
			files = events(t, kind)
		}
		for _, f := range files {
			env := map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": kind, "GITHUB_EVENT_PATH": f, "GITHUB_REPOSITORY": "o/r", "GITHUB_TOKEN": "t"}
			run, err := ci.Read(func(k string) string { return env[k] })
			switch {
			case err != nil:
				t.Errorf("%s: %v", f, err)
			case run.Head == "" || kind == "pull_request" && run.Number == 0:
				t.Errorf("%s: %+v", f, run)
			}
		}
	}
}

// events unpacks the examples of one kind from the package's single file.
func events(t *testing.T, kind string) []string {
	t.Helper()
	data, err := os.ReadFile(tool(t, "npm/node_modules/@octokit/webhooks-examples/api.github.com/index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all []struct {
		Name     string
		Examples []json.RawMessage
	}
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	var out []string
	dir := t.TempDir()
	for _, e := range all {
		for i, x := range e.Examples {
			if e.Name == kind {
				f := filepath.Join(dir, fmt.Sprintf("%s-%d.json", kind, i))
				if err := os.WriteFile(f, x, 0o600); err != nil {
					t.Fatal(err)
				}
				out = append(out, f)
			}
		}
	}
	if len(out) == 0 {
		t.Fatalf("there are no examples of %s", kind)
	}
	return out
}

// examples are the workflows of the documentation.
func examples() ([]string, error) {
	files, err := filepath.Glob("../../docs/examples/github-*.yml")
	return append(files, "../../cmd/assay/starter/github.yml"), err
}
