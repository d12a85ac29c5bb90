package gitlab_test

import (
	"strings"
	"testing"

	"github.com/assaydb/assay/integrations"
	"github.com/assaydb/assay/integrations/gitlab"
	"github.com/assaydb/assay/integrations/hosttest"
)

func open(t *testing.T, url, token string, number int) integrations.Host {
	t.Helper()
	c, err := gitlab.New(gitlab.Options{API: url, Token: token, Project: "42", Number: number, Head: strings.Repeat("a", 40)})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestHost(t *testing.T) { hosttest.Run(t, hosttest.NewGitLab, "project_42_bot_1a", open) }
