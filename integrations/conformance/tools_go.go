package conformance

import (
	"context"
	"errors"
	"io"
	"log"
	"os"
	"os/exec"
	"strings"

	migrate "github.com/golang-migrate/migrate/v4"
	migratepg "github.com/golang-migrate/migrate/v4/database/postgres"
	_ "github.com/golang-migrate/migrate/v4/source/file" // the source of its files
	_ "github.com/jackc/pgx/v5/stdlib"                   // goose's driver
	_ "github.com/lib/pq"                                // that of sql-migrate and golang-migrate
	"github.com/pressly/goose/v3"
	sqlmigrate "github.com/rubenv/sql-migrate"

	"github.com/assaydb/assay/internal/migration"
)

var gooseTool = &Tool{
	Name: "goose", Version: "v3.30.1", Format: migration.Goose, Dialect: annotated{before: "-- +goose ", noTx: "NO TRANSACTION"},
	Run: func(ctx context.Context, at Database, dir string) error {
		db, err := at.open("pgx")
		if err != nil {
			return err
		}
		defer db.Close()
		goose.SetLogger(goose.NopLogger())
		if err := goose.SetDialect("postgres"); err != nil {
			return err
		}
		return goose.UpContext(ctx, db, dir)
	},
	Recorded: `SELECT version_id::text FROM public.goose_db_version WHERE version_id > 0 AND is_applied ORDER BY id`,
	Record:   func(m *migration.Migration) string { return strings.TrimLeft(m.Version, "0") },
	Own:      []string{"public.goose_db_version"},
}

var sqlMigrateTool = &Tool{
	Name: "sql-migrate", Version: "v1.8.1", Format: migration.SQLMigrate, Dialect: annotated{before: "-- +migrate ", option: "notransaction"},
	Run: func(ctx context.Context, at Database, dir string) error {
		db, err := at.open("postgres")
		if err != nil {
			return err
		}
		defer db.Close()
		_, err = sqlmigrate.ExecContext(ctx, db, "postgres", sqlmigrate.FileMigrationSource{Dir: dir}, sqlmigrate.Up)
		return err
	},
	Recorded: `SELECT id FROM public.gorp_migrations ORDER BY applied_at, id`,
	Record:   func(m *migration.Migration) string { return base(m.Path) },
	Own:      []string{"public.gorp_migrations"},
}

var golangMigrateTool = &Tool{
	Name: "golang-migrate", Version: "v4.20.1", Format: migration.GolangMigrate, Dialect: upAndDown{},
	Run: func(ctx context.Context, at Database, dir string) error {
		db, err := at.open("postgres")
		if err != nil {
			return err
		}
		driver, err := migratepg.WithInstance(db, &migratepg.Config{})
		if err != nil {
			return errors.Join(err, db.Close())
		}
		m, err := migrate.NewWithDatabaseInstance("file://"+dir, "postgres", driver)
		if err != nil {
			return errors.Join(err, driver.Close())
		}
		defer m.Close()
		if err := m.Up(); !errors.Is(err, migrate.ErrNoChange) {
			return err
		}
		return nil
	},
	// It keeps the last version alone.
	Recorded: `SELECT version || CASE WHEN dirty THEN ' dirty' ELSE '' END FROM public.schema_migrations`,
	Record:   func(m *migration.Migration) string { return "=" + strings.TrimLeft(m.Version, "0") },
	Failed:   func(m *migration.Migration) string { return "=" + strings.TrimLeft(m.Version, "0") + " dirty" },
	Own:      []string{"public.schema_migrations"},
}

var dbmateTool = &Tool{
	Name: "dbmate", Version: "2.36.0", Format: migration.Dbmate, Dialect: annotated{before: "-- migrate:", option: "transaction:false", needsDown: true},
	Run: func(ctx context.Context, at Database, dir string) error {
		u := strings.Replace(at.URL(), "host=", "socket=", 1)
		c := exec.CommandContext(ctx, npmFile("@dbmate/linux-x64/bin/dbmate"), "--url", u, "--migrations-dir", dir, "--no-dump-schema", "migrate")
		out, err := c.CombinedOutput()
		if err != nil {
			return errors.New(string(out))
		}
		return nil
	},
	Recorded: `SELECT version FROM public.schema_migrations ORDER BY version`,
	Record:   func(m *migration.Migration) string { return m.Version },
	Own:      []string{"public.schema_migrations"},
}

func init() { log.SetOutput(io.Discard) }

// npmFile is a file of the packages that the script run installs.
func npmFile(name string) string {
	return os.Getenv("ASSAY_CONFORMANCE_TOOLS") + "/node_modules/" + name
}

func base(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }
