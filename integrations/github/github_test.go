package github_test

import (
	"strings"
	"testing"

	"github.com/assaydb/assay/integrations"
	"github.com/assaydb/assay/integrations/github"
	"github.com/assaydb/assay/integrations/hosttest"
)

func open(t *testing.T, url, token string, number int) integrations.Host {
	t.Helper()
	c, err := github.New(github.Options{API: url, Token: token, Repo: "o/r", Number: number, Head: strings.Repeat("a", 40)})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestHost(t *testing.T) { hosttest.Run(t, hosttest.NewGitHub, "github-actions1[bot]", open) }
