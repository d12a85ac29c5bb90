package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// TestActionInputs: the action's inputs are the flags of assay ci, and each of
// them reaches the program by the environment alone.
func TestActionInputs(t *testing.T) {
	root := (&app{getenv: func(string) string { return "" }}).root()
	cmd, _, err := root.Find([]string{"ci"})
	if err != nil {
		t.Fatal(err)
	}
	known := flagNames(root, cmd)
	action := file(t, "../../action.yml")
	inputs := between(action, "\ninputs:\n", "\noutputs:\n")
	own := []string{"version", "checksum", "binary", "token", "cache"}
	run := file(t, "../../integrations/action/run.sh")
	for _, m := range regexp.MustCompile(`(?m)^  ([a-z-]+):$`).FindAllStringSubmatch(inputs, -1) {
		name := m[1]
		if slices.Contains(own, name) {
			continue
		}
		if !slices.Contains(known, name) {
			t.Errorf("action.yml: the input %s is no flag of assay ci", name)
		}
		variable := "INPUT_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
		if !strings.Contains(action, variable+": ${{ inputs."+name+" }}") || !strings.Contains(run, variable) {
			t.Errorf("action.yml: the input %s does not reach run.sh as %s", name, variable)
		}
	}
	for _, line := range strings.Split(action, "\n") {
		if strings.HasPrefix(strings.TrimSpace(line), "run:") && strings.Contains(line, "${{") {
			t.Errorf("action.yml: an expression within a script: %s", line)
		}
	}
	for _, name := range []string{"../../.gitlab-ci-template.yml", "../../integrations/circleci/orb/scripts/review.sh", "../../integrations/action/run.sh"} {
		for _, m := range regexp.MustCompile(`"?--([a-z-]+)=`).FindAllStringSubmatch(file(t, name), -1) {
			if !slices.Contains(known, m[1]) {
				t.Errorf("%s: --%s is no flag of assay ci", name, m[1])
			}
		}
	}
}

func flagNames(root, cmd *cobra.Command) []string {
	var names []string
	add := func(f *pflag.Flag) { names = append(names, f.Name) }
	root.PersistentFlags().VisitAll(add)
	cmd.Flags().VisitAll(add)
	return names
}

func file(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func between(s, from, to string) string {
	_, s, _ = strings.Cut(s, from)
	s, _, _ = strings.Cut(s, to)
	return s
}
