package migration

import (
	"strings"
	"testing"
	"testing/fstest"
)

// TestOtherTools holds that a project whose migrations are code is told what
// to do, and one that has none is not.
func TestOtherTools(t *testing.T) {
	for name, c := range map[string]struct{ path, text, want string }{
		"alembic":    {"alembic.ini", "[alembic]", "Alembic"},
		"no ini":     {"db/versions/1_a.py", "from alembic import op\n\ndef upgrade():\n    op.drop_table('a')", "Alembic"},
		"django":     {"shop/migrations/0001_initial.py", "from django.db import migrations", "sqlmigrate"},
		"ecto":       {"priv/repo/migrations/1_a.exs", "defmodule A do\nend", "Ecto"},
		"typeorm":    {"src/migration/1-A.ts", "import { MigrationInterface, QueryRunner } from 'typeorm'", "TypeORM"},
		"rails":      {"db/migrate/1_a.rb", "class A < ActiveRecord::Migration[7.1]", "Rails"},
		"laravel":    {"database/migrations/1_a.php", "<?php", "--pretend"},
		"entity":     {"Data/Migrations/1_A.cs", "protected override void Up(MigrationBuilder migrationBuilder)", "dotnet ef"},
		"knex":       {"migrations/1_a.js", "exports.up = function (knex) { return knex.schema.dropTable('a') }", "Knex"},
		"none":       {"src/main.py", "print('django')", ""},
		"not theirs": {"src/index.ts", "export const a = 1", ""},
	} {
		_, err := Detect(fstest.MapFS{c.path: {Data: []byte(c.text)}}, ".")
		if err == nil {
			t.Errorf("%s: no error", name)
		} else if got := strings.Contains(err.Error(), "whose migrations are code"); got != (c.want != "") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
