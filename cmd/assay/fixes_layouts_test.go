package main

import (
	"fmt"
	"path"
	"strings"

	"github.com/assaydb/assay/internal/migration"
)

// change is a base and the files that follow it.
type change struct {
	base      string
	ups, down []string // by file; a down part may be empty
}

// layouts write a change as the tools' users do, each beside what its format is
// recognized by.
var layouts = map[migration.Format]func(change) map[string]string{
	migration.GolangMigrate: func(c change) map[string]string {
		return pairs(c, nil, func(n int) (string, string) {
			return fmt.Sprintf("migrations/%06d_step.up.sql", n), fmt.Sprintf("migrations/%06d_step.down.sql", n)
		})
	},
	migration.Sqlx: func(c change) map[string]string {
		return pairs(c, map[string]string{"Cargo.toml": "[dependencies]\nsqlx = \"0.8\"\n"}, func(n int) (string, string) {
			return fmt.Sprintf("migrations/2024010%d000000_step.up.sql", n), fmt.Sprintf("migrations/2024010%d000000_step.down.sql", n)
		})
	},
	migration.Diesel: func(c change) map[string]string {
		return pairs(c, map[string]string{"diesel.toml": ""}, func(n int) (string, string) {
			dir := fmt.Sprintf("migrations/2024-01-0%d-000000_step", n)
			return dir + "/up.sql", dir + "/down.sql"
		})
	},
	migration.Hasura: func(c change) map[string]string {
		return pairs(c, map[string]string{"config.yaml": "version: 3\nmetadata_directory: metadata\n"}, func(n int) (string, string) {
			dir := fmt.Sprintf("migrations/default/170000000000%d_step", n)
			return dir + "/up.sql", dir + "/down.sql"
		})
	},
	migration.Goose: func(c change) map[string]string {
		return marked(c, "db/migrations/%05d_step.sql", "-- +goose Up\n", "-- +goose Down\n", "-- +goose StatementBegin\n", "-- +goose StatementEnd\n")
	},
	migration.SQLMigrate: func(c change) map[string]string {
		return marked(c, "migrations/2024010%d000000-step.sql", "-- +migrate Up\n", "-- +migrate Down\n", "-- +migrate StatementBegin\n", "-- +migrate StatementEnd\n")
	},
	migration.Dbmate: func(c change) map[string]string {
		return marked(c, "db/migrations/2024010%d000000_step.sql", "-- migrate:up\n", "\n-- migrate:down\n", "", "")
	},
	migration.Flyway: func(c change) map[string]string {
		return single(c, map[string]string{"flyway.conf": "flyway.postgresql.transactional.lock=false\n"}, "sql/V%d__step.sql", "")
	},
	migration.Prisma: func(c change) map[string]string {
		return single(c, map[string]string{"prisma/migrations/migration_lock.toml": "provider = \"postgresql\"\n"}, "prisma/migrations/2024010%d000000_step/migration.sql", "")
	},
	migration.Supabase: func(c change) map[string]string {
		return single(c, map[string]string{"supabase/config.toml": "project_id = \"shop\"\n"}, "supabase/migrations/2024010%d000000_step.sql", "")
	},
	migration.Atlas: func(c change) map[string]string {
		return single(c, map[string]string{"migrations/atlas.sum": "h1:x=\n"}, "migrations/2024010%d000000_step.sql", "")
	},
	migration.Plain: func(c change) map[string]string {
		return single(c, map[string]string{"assay.yaml": "dir: sql\nformat: plain\n"}, "sql/%03d_step.sql", "")
	},
	migration.Liquibase: func(c change) map[string]string {
		return single(c, nil, "changelog/%03d-step.sql", "--liquibase formatted sql\n\n--changeset ann:%d splitStatements:true endDelimiter:;\n")
	},
}

// pairs have a file for each direction.
func pairs(c change, files map[string]string, names func(int) (up, down string)) map[string]string {
	if files == nil {
		files = map[string]string{}
	}
	for i, text := range append([]string{c.base}, c.ups...) {
		up, down := names(i + 1)
		files[up] = text
		if i > 0 && c.down[i-1] != "" {
			files[down] = c.down[i-1]
		}
	}
	return files
}

// marked have both directions in one file.
func marked(c change, name, up, down, begin, end string) map[string]string {
	whole := func(text string) string {
		if begin == "" || !strings.Contains(text, "$$") {
			return text
		}
		var b strings.Builder
		for _, st := range strings.SplitAfter(text, "$$;\n") {
			if strings.Contains(st, "$$") {
				st = begin + st + end
			}
			b.WriteString(st)
		}
		return b.String()
	}
	files := map[string]string{}
	for i, text := range append([]string{c.base}, c.ups...) {
		if text = up + whole(text); i > 0 && c.down[i-1] != "" {
			text += down + c.down[i-1]
		}
		files[fmt.Sprintf(name, i+1)] = text
	}
	return files
}

// single have no down part; head is the beginning of each file.
func single(c change, files map[string]string, name, head string) map[string]string {
	if files == nil {
		files = map[string]string{}
	}
	for i, text := range append([]string{c.base}, c.ups...) {
		if head != "" {
			text = fmt.Sprintf(head, i+1) + text
		}
		files[path.Clean(fmt.Sprintf(name, i+1))] = text
	}
	return files
}
