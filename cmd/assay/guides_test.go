package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestGuidesShowFiles: the guides show the files that init writes and the
// examples that are checked, word for word.
func TestGuidesShowFiles(t *testing.T) {
	examples, err := filepath.Glob("../../docs/examples/github-*.yml")
	if err != nil || len(examples) == 0 {
		t.Fatal("there are no examples")
	}
	shown := map[string][]string{
		"github": append(examples, "starter/github.yml"), "gitlab": {"starter/gitlab.yml"},
		"circleci": {"starter/circleci.yml"}, "pre-commit": {"starter/pre-commit.yml"}, "setup": {"../../docs/examples/supabase-setup.sql"},
	}
	for guide, names := range shown {
		page := file(t, "../../docs/"+guide+".md")
		var inList strings.Builder // the same without a list's indentation
		for line := range strings.Lines(page) {
			inList.WriteString(strings.TrimPrefix(line, "   "))
		}
		for _, name := range names {
			if text := file(t, name); !strings.Contains(page, text) && !strings.Contains(inList.String(), text) {
				t.Errorf("docs/%s.md does not show %s as it is", guide, name)
			}
		}
	}
}

// TestSupabaseSetup: what is usual in a project of Supabase runs after the
// setup that the guide shows.
func TestSupabaseSetup(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, []byte(text), 0o666)); err != nil {
			t.Fatal(err)
		}
	}
	write("setup.sql", file(t, "../../docs/examples/supabase-setup.sql"))
	write("supabase/migrations/20240101000000_profiles.sql", `create table public.profiles (id uuid primary key references auth.users (id) on delete cascade, name text);
alter table public.profiles enable row level security;
create policy own on public.profiles to authenticated using ((select auth.uid()) = id);
create extension if not exists pgcrypto with schema extensions;`)
	write("supabase/migrations/20240102000000_avatars.sql", `set local lock_timeout = '2s';
insert into storage.buckets (id, name) values ('avatars', 'avatars') on conflict do nothing;
create policy avatars on storage.objects for insert to authenticated with check (bucket_id = 'avatars' and (storage.foldername(name))[1] = (select auth.uid())::text);
create function public.new_user() returns trigger language plpgsql security definer set search_path = '' as $$
begin insert into public.profiles (id, name) values (new.id, new.raw_user_meta_data ->> 'name'); return new; end $$;
create trigger new_user after insert on auth.users for each row execute function public.new_user();`)
	var out, stderr bytes.Buffer
	switch code := run(context.Background(), []string{"lint", "-C", dir, "--latest", "1", "--fail-on", "warning"}, os.Getenv, strings.NewReader(""), &out, &stderr); {
	case code == 3 && !strings.Contains(stderr.String(), "replaying"):
		t.Skipf("no PostgreSQL could be started:\n%s", stderr.String())
	case code != 0:
		t.Errorf("exit code %d, want 0\n%s%s", code, out.String(), stderr.String())
	}
}

// TestOneVersion: the action, the template, the orb, the hooks, the starters and
// the guides all name the same release.
func TestOneVersion(t *testing.T) {
	named := regexp.MustCompile(`assaydb/assay(?:@v?|:v|/v)(\d+\.\d+\.\d+)|default: v(\d+\.\d+\.\d+)|rev: v(\d+\.\d+\.\d+)`)
	want := ""
	err := fs.WalkDir(os.DirFS("../.."), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (path == ".git" || path == "bin" || path == "dist" || path == "testdata" || path == "docs/checks") {
			return fs.SkipDir
		}
		if ext := filepath.Ext(path); d.IsDir() || ext != ".yml" && ext != ".yaml" && ext != ".md" {
			return nil
		}
		for _, m := range named.FindAllStringSubmatch(file(t, "../../"+path), -1) {
			got := m[1] + m[2] + m[3]
			if want == "" {
				want = got
			}
			if got != want {
				t.Errorf("%s names the release %s, another file %s", path, got, want)
			}
		}
		return nil
	})
	if err != nil || want == "" {
		t.Errorf("no file names a release: %v", err)
	}
}
