package migration

import (
	"regexp"
	"strings"
)

var golangMigrate = &format{
	load:    loadGolangMigrate,
	follows: "golang-migrate v4.20.1, driver postgres",
	sending: sending{bom: bomSent},
	tx: txRule{
		TxImplicit,
		"golang-migrate sends the file as one query, which PostgreSQL runs as one transaction",
		"put the statement alone into a file of its own: a single statement is not in a transaction",
	},
	bookkeeping: `CREATE TABLE IF NOT EXISTS schema_migrations (version bigint NOT NULL PRIMARY KEY, dirty boolean NOT NULL);`,
}

// upDownFile is version, name, dialect, autocommit and direction of a file of
// golang-migrate, sqlx, pop and their kin.
var upDownFile = regexp.MustCompile(`^([0-9]+)(?:_(.*?))?(?:\.(` + strings.Join(dialects, "|") + `))?(\.autocommit)?\.(up|down)\.(sql)$`)

// looseFile is for runners with an unescaped dot in their pattern, which take
// _up.sql as well.
var looseFile = regexp.MustCompile(`^([0-9]+)(?:_(.*?))?()()_(up|down)\.(sql)$`)

var dialects = []string{
	"postgres", "postgresql", "pg", "pgsql", "mysql", "mariadb", "sqlite", "sqlite3", "cockroach", "cockroachdb", "crdb",
	"mssql", "sqlserver", "oracle", "h2", "hsqldb", "derby", "db2", "clickhouse", "spanner", "snowflake", "redshift", "bigquery", "duckdb", "cassandra", "mongodb", "yugabyte", "ydb", "vertica",
}

// ours reports whether a dialect is PostgreSQL.
func ours(dialect string) bool {
	return dialect == "postgres" || dialect == "postgresql" || dialect == "pg" || dialect == "pgsql"
}

func foreign(dialect string) bool {
	for _, d := range dialects {
		if d == dialect {
			return !ours(d)
		}
	}
	return false
}

type upDown struct {
	file, version, name string
	own, autocommit     bool // written for PostgreSQL; outside a transaction
}

// upsAndDowns sorts the files of a directory into those there and those back.
// A file for PostgreSQL stands in the place of the one for every dialect;
// those for other dialects are left out.
// With loose, so are files that end in _up.sql.
func upsAndDowns(files []string, loose bool) (ups []upDown, downs map[string]string, rest []string) {
	downs = map[string]string{}
	byKey, ownDown := map[string]int{}, map[string]bool{}
	for _, f := range files {
		m := upDownFile.FindStringSubmatch(f)
		if m == nil && loose {
			m = looseFile.FindStringSubmatch(f)
		}
		if m == nil {
			rest = append(rest, f)
			continue
		}
		if foreign(m[3]) {
			continue
		}
		u := upDown{f, m[1], m[2], m[3] != "", m[4] != ""}
		key := u.version + "_" + u.name
		if m[5] == "down" {
			if !ownDown[key] {
				downs[key], ownDown[key] = f, u.own
			}
			continue
		}
		if i, ok := byKey[key]; ok {
			if u.own && !ups[i].own {
				ups[i] = u
				continue
			}
			if !u.own && ups[i].own {
				continue
			}
		}
		byKey[key] = len(ups)
		ups = append(ups, u)
	}
	return ups, downs, rest
}

// addUpDown adds the files of a directory with .up.sql and .down.sql.
func (l *loader) addUpDown(adapt func(*unit) error) error {
	files, _, err := l.entries(l.dir)
	if err != nil {
		return err
	}
	ups, downs, rest := upsAndDowns(files, l.out.Format == GolangMigrate)
	var units []*unit
	for _, f := range ups {
		u, err := l.unit(l.in(f.file), f.version, f.name)
		if err != nil {
			return err
		}
		if f.autocommit {
			u.tx = txRule{TxNone, "the file's name says autocommit", ""}
		}
		if d := downs[f.version+"_"+f.name]; d != "" {
			if err := l.withDown(u, l.in(d)); err != nil {
				return err
			}
		}
		if adapt != nil {
			if err := adapt(u); err != nil {
				return err
			}
			if u.down != nil {
				if err := adapt(u.down); err != nil {
					return err
				}
			}
		}
		units = append(units, u)
	}
	units = append(units, l.steps(rest, versionedStep)...)
	byVersion(units, compareNumbers)
	l.units = append(l.units, units...)
	return nil
}

func loadGolangMigrate(l *loader) error {
	if err := l.addUpDown(nil); err != nil {
		return err
	}
	return l.checkSum("")
}
