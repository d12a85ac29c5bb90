package migration

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"
)

// otherTool is one whose migrations are code and not SQL: assay reads the SQL
// that it writes.
type otherTool struct {
	name string
	file *regexp.Regexp // a path that its projects have
	text *regexp.Regexp // what stands in that file; nil: anything
	sql  string         // how to have it write SQL
}

var otherTools = []otherTool{
	{"Alembic", regexp.MustCompile(`(^|/)alembic\.ini$`), nil, "alembic upgrade --sql BASE:HEAD > migrations/0001_name.sql"},
	{"Alembic", regexp.MustCompile(`/versions/[^/]+\.py$`), regexp.MustCompile(`\bop\.\w+\(|down_revision`), "alembic upgrade --sql BASE:HEAD > migrations/0001_name.sql"},
	{"Django", regexp.MustCompile(`(^|/)migrations/[^/]+\.py$`), regexp.MustCompile(`django\.db`), "python manage.py sqlmigrate APP 0001 > migrations/0001_name.sql"},
	{"Ecto", regexp.MustCompile(`(^|/)priv/.+/migrations/[^/]+\.exs$`), nil, "mix ecto.migrate --log-migrations-sql, or mix ecto.dump for a base"},
	{"TypeORM", regexp.MustCompile(`\.(ts|js)$`), regexp.MustCompile(`\bQueryRunner\b|typeorm|async up\(\w+\)[^{]*\{ *await \w+\.query\(`), "typeorm schema:log, or the SQL of each queryRunner.query in a .sql file of its own"},
	{"Rails (Active Record)", regexp.MustCompile(`(^|/)db/migrate/[^/]+\.rb$`), nil, "the log of bin/rails db:migrate, or db/structure.sql for a base (config.active_record.schema_format = :sql)"},
	{"Sequelize", regexp.MustCompile(`\.(js|ts|cjs)$`), regexp.MustCompile(`queryInterface`), "the log of sequelize db:migrate"},
	{"Knex", regexp.MustCompile(`\.(js|ts|mjs|cjs)$`), regexp.MustCompile(`knex\.(schema|raw)|exports\.up *= *\(?(async )?(function)? *\(?knex`), "knex(…).toSQL() for each migration"},
	{"MikroORM", regexp.MustCompile(`\.(ts|js)$`), regexp.MustCompile(`@mikro-orm/migrations`), "mikro-orm schema:update --dump"},
	{"Kysely", regexp.MustCompile(`\.(ts|js)$`), regexp.MustCompile(`from ['"]kysely['"]`), "compile() of each query"},
	{"Laravel", regexp.MustCompile(`(^|/)database/migrations/[^/]+\.php$`), nil, "php artisan migrate --pretend"},
	{"Doctrine", regexp.MustCompile(`\.php$`), regexp.MustCompile(`AbstractMigration`), "doctrine-migrations migrate --write-sql"},
	{"Entity Framework", regexp.MustCompile(`\.cs$`), regexp.MustCompile(`MigrationBuilder`), "dotnet ef migrations script --idempotent"},
	{"FluentMigrator", regexp.MustCompile(`\.cs$`), regexp.MustCompile(`FluentMigrator`), "dotnet fm migrate --output --preview"},
	{"SeaORM", regexp.MustCompile(`\.rs$`), regexp.MustCompile(`MigrationTrait`), "the statements' to_string(PostgresQueryBuilder)"},
	{"Exposed or jOOQ", regexp.MustCompile(`(^|/)V\d+[^/]*\.(java|kt)$`), nil, "the SQL of each class in a V….sql beside it"},
}

// mostRead bounds how many files are looked into for another tool.
const mostRead = 2000

// otherToolIn names a tool whose migrations are code, nil if there is no sign of one.
func otherToolIn(fsys fs.FS, root string) *otherTool {
	best, n := len(otherTools), 0
	_ = fs.WalkDir(fsys, root, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // what cannot be read says nothing
		}
		if e.IsDir() {
			if name := path.Base(p); name == "node_modules" || name == "vendor" || name == ".git" || name == "venv" || name == ".venv" {
				return fs.SkipDir
			}
			return nil
		}
		if n++; n > mostRead || !e.Type().IsRegular() {
			return nil
		}
		for i := range otherTools[:best] {
			t := &otherTools[i]
			if !t.file.MatchString(p) {
				continue
			}
			if t.text == nil {
				best = i
				break
			}
			if text, err := readSome(fsys, p); err == nil && t.text.MatchString(text) {
				best = i
				break
			}
		}
		return nil
	})
	if best == len(otherTools) {
		return nil
	}
	return &otherTools[best]
}

// readSome reads the first 64 kB of a file.
func readSome(fsys fs.FS, name string) (string, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	var b strings.Builder
	buf := make([]byte, 64<<10)
	n, err := f.Read(buf)
	b.Write(buf[:n])
	if n > 0 {
		err = nil
	}
	return b.String(), err
}

// advice says how to review the migrations of the tool.
func (t *otherTool) advice() string {
	return fmt.Sprintf("this looks like a project of %s, whose migrations are code: assay reads SQL. Have it written (%s), and lint that directory with --dir and --dir-format plain", t.name, t.sql)
}
