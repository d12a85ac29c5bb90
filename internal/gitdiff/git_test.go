package gitdiff

import (
	"slices"
	"strings"
	"testing"
)

func TestEnvironmentIsOurOwn(t *testing.T) {
	env := map[string]string{
		"PATH": "/bin", "HOME": "/root", "GITHUB_TOKEN": "planted", "ASSAY_GITLAB_TOKEN": "planted", "PGPASSWORD": "planted",
		"GIT_DIR": "/elsewhere", "GIT_INDEX_FILE": "/elsewhere", "GIT_WORK_TREE": "/elsewhere", "GIT_EXTERNAL_DIFF": "/bin/false",
		"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*",
	}
	r := newRepo("/", func(k string) string { return env[k] })
	for _, e := range r.env {
		if strings.Contains(e, "planted") || strings.Contains(e, "/elsewhere") || strings.Contains(e, "GIT_EXTERNAL_DIFF") {
			t.Errorf("git is handed %s", e)
		}
	}
	for _, want := range []string{"PATH=/bin", "HOME=/root", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*", "LC_ALL=C"} {
		if !slices.Contains(r.env, want) {
			t.Errorf("git lacks %s", want)
		}
	}
}

func TestParseRaw(t *testing.T) {
	const blob = "0123456789012345678901234567890123456789"
	line := ":100644 100644 " + blob + " " + blob + " "
	for _, tt := range []struct {
		out  string
		want int
		fail bool
	}{
		{"", 0, false},
		{line + "M\x00a\x00" + line + "R100\x00a b\x00c\nd\x00", 2, false},
		{"nonsense\x00", 0, true},
		{line + "R100\x00a\x00", 0, true},
		{line + "M", 0, true},
	} {
		got, err := parseRaw([]byte(tt.out))
		if (err != nil) != tt.fail || len(got) != tt.want {
			t.Errorf("%q: got %v, %v", tt.out, got, err)
		}
	}
}
