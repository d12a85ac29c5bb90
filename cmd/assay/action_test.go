package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// way is a way into a CI that has the flags of assay ci as its inputs.
type way struct {
	file, from, to string
	own            []string          // inputs that are no flags
	without        map[string]string // flags that are no inputs, and why
	passes         []string          // files that must name the variable of each input
	prefix, value  string            // of the variable, and what it is given
}

var everywhere = map[string]string{"help": "shows the flags", "no-color": "no CI's log is a terminal, so nothing is coloured"}

var ways = map[string]way{
	"action": {
		file: "../../action.yml", from: "\ninputs:\n", to: "\noutputs:\n", own: []string{"version", "checksum", "binary", "token", "cache"},
		passes: []string{"../../action.yml", "../../integrations/action/run.sh"}, prefix: "INPUT_", value: ": ${{ inputs.%s }}",
	},
	"GitLab template": {
		file: "../../.gitlab-ci-template.yml", from: "\n  inputs:\n", to: "\n---\n", own: []string{"stage", "job-name", "image", "binary"},
		without: map[string]string{
			"output": "the job's artifacts are the reports that GitLab reads", "check-run": "GitHub's",
			"from": "GitLab has no pipeline with rights that follows a fork's",
		},
		passes: []string{"../../.gitlab-ci-template.yml"}, prefix: "INPUT_", value: `: "$[[ inputs.%s ]]"`,
	},
	"orb": {
		file: "../../integrations/circleci/orb/commands/review.yml", from: "\nparameters:\n", to: "\nsteps:\n", own: []string{"binary"},
		without: map[string]string{
			"output": "the job's artifacts and test results are the reports that CircleCI reads",
			"from":   "CircleCI has no pipeline with rights that follows a fork's",
		},
		passes: []string{"../../integrations/circleci/orb/commands/review.yml"}, prefix: "PARAM_", value: ": << parameters.%s >>",
	},
	"orb's job": {
		file: "../../integrations/circleci/orb/jobs/review.yml", from: "\nparameters:\n", to: "\nexecutor:\n", own: []string{"image"},
		without: map[string]string{
			"output": "the job's artifacts and test results are the reports that CircleCI reads",
			"from":   "CircleCI has no pipeline with rights that follows a fork's",
		},
	},
}

// TestInputs: each way's inputs are the flags of assay ci, all of them but for
// those with a reason, and each reaches the program by the environment alone.
func TestInputs(t *testing.T) {
	root := (&app{getenv: func(string) string { return "" }}).root()
	cmd, _, err := root.Find([]string{"ci"})
	if err != nil {
		t.Fatal(err)
	}
	flags := flagNames(root, cmd)
	for name, w := range ways {
		text := file(t, w.file)
		var inputs []string
		indent := strings.Repeat(" ", 2+2*strings.Count(w.from, "  "))
		for _, m := range regexp.MustCompile(`(?m)^`+indent+`([a-z-]+):$`).FindAllStringSubmatch(between(text, w.from, w.to), -1) {
			inputs = append(inputs, m[1])
		}
		for _, flag := range flags {
			if has, why := slices.Contains(inputs, flag), everywhere[flag]+w.without[flag]; has == (why != "") {
				t.Errorf("%s: --%s is an input: %t, a reason why it is none: %q", name, flag, has, why)
			}
		}
		for _, in := range inputs {
			if slices.Contains(w.own, in) {
				continue
			}
			if !slices.Contains(flags, in) {
				t.Errorf("%s: the input %s is no flag of assay ci", name, in)
			}
			variable := w.prefix + strings.ToUpper(strings.ReplaceAll(in, "-", "_"))
			if w.value == "" {
				if !strings.Contains(text, "\n      "+in+": << parameters."+in+" >>\n") {
					t.Errorf("%s: %s is not handed on", name, in)
				}
				continue
			}
			if !strings.Contains(text, variable+strings.Replace(w.value, "%s", in, 1)) {
				t.Errorf("%s: the input %s is not put into %s", name, in, variable)
			}
			for _, f := range w.passes {
				if !strings.Contains(file(t, f), variable) {
					t.Errorf("%s: %s does not name %s", name, f, variable)
				}
			}
		}
	}
	for _, line := range strings.Split(file(t, "../../action.yml"), "\n") {
		if strings.HasPrefix(strings.TrimSpace(line), "run:") && strings.Contains(line, "${{") {
			t.Errorf("action.yml: an expression within a script: %s", line)
		}
	}
}

// TestWays runs the scripts of all three ways with every input set, and looks
// at what the program is given.
func TestWays(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("there is no bash to run the scripts with")
	}
	root := (&app{getenv: func(string) string { return "" }}).root()
	cmd, _, err := root.Find([]string{"ci"})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	program := filepath.Join(dir, "assay")
	if err := os.WriteFile(program, []byte("#!/bin/sh\nprintf '%s\\n' \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	template := between(file(t, "../../.gitlab-ci-template.yml"), "    - |\n", "  rules:\n")
	scripts := map[string]string{
		"action":          file(t, "../../integrations/action/run.sh"),
		"GitLab template": strings.ReplaceAll(template, "\n      ", "\n"),
		"orb":             file(t, "../../integrations/circleci/orb/scripts/review.sh"),
	}
	for name, script := range scripts {
		w := ways[name]
		env := []string{"PATH=" + os.Getenv("PATH"), "ASSAY_BINARY=" + program, w.prefix + "BINARY=" + program, "RUNNER_TEMP=" + dir}
		var want []string
		for _, flag := range flagNames(root, cmd) {
			if everywhere[flag]+w.without[flag] != "" {
				continue
			}
			value := "the value of " + flag + "; $(false) `false`"
			env = append(env, w.prefix+strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))+"="+value)
			if flag == "directory" {
				want = append(want, "-C", value)
			} else {
				want = append(want, "--"+flag+"="+value)
			}
		}
		shell := "sh"
		if name == "action" {
			shell = "bash"
		}
		c := exec.Command(shell, "-euc", strings.ReplaceAll(script, "/tmp/assay", dir))
		c.Env, c.Dir = env, dir
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
		got := strings.Split(string(out), "\n")
		for _, arg := range want {
			if !slices.Contains(got, arg) {
				t.Errorf("%s: the program is not given %q\n%s", name, arg, out)
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
