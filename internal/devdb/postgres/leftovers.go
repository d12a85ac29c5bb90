package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/assaydb/assay/internal/migration"
)

// things are what lies outside of databases and can be left on a server.
type things struct {
	roles, databases, slots []string
	settings                map[string][]string // by role: what ALTER ROLE … SET gave it everywhere
}

// things reads what is on the server.
func (e *existing) things(ctx context.Context) (t things, err error) {
	for _, l := range []struct {
		to  *[]string
		sql string
	}{
		{&t.roles, "SELECT rolname::pg_catalog.text FROM pg_catalog.pg_roles ORDER BY 1"},
		{&t.databases, "SELECT datname::pg_catalog.text FROM pg_catalog.pg_database ORDER BY 1"},
		{&t.slots, "SELECT slot_name::pg_catalog.text FROM pg_catalog.pg_replication_slots ORDER BY 1"},
	} {
		if *l.to, err = e.names(ctx, l.sql); err != nil {
			return t, fmt.Errorf("reading what is on the --dev-url server: %w", err)
		}
	}
	rows, err := e.conn.Query(ctx, `SELECT r.rolname::pg_catalog.text, x.setconfig FROM pg_catalog.pg_db_role_setting x JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) x.setrole
		WHERE x.setdatabase OPERATOR(pg_catalog.=) 0::pg_catalog.oid`)
	if err != nil {
		return t, fmt.Errorf("reading the settings of roles: %w", err)
	}
	t.settings = map[string][]string{}
	var role string
	var config []string
	_, err = pgx.ForEachRow(rows, []any{&role, &config}, func() error {
		t.settings[role] = slices.Clone(config)
		return nil
	})
	return t, err
}

func (e *existing) names(ctx context.Context, sql string, args ...any) ([]string, error) {
	rows, err := e.conn.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

var (
	makesThings = regexp.MustCompile(`(?i)role|user|group|database|slot`)
	nameInSQL   = regexp.MustCompile(`[\pL_][\pL\pN_$]*|"(?:[^"]|"")+"`)
)

// mostNamed bounds the names that are kept of a run.
const mostNamed = 64 << 10

// note keeps the names in a migration's statements that may make a role, a
// database or a slot: what comes to the server and is not named is not the run's
// to drop. They are written to the server before anything runs, so that the next
// run finds them if this one is killed.
func (e *existing) note(ctx context.Context, m *migration.Migration) error {
	if e == nil {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	size := 0
	for n := range e.named {
		size += len(n) + 1
	}
	fresh := false
	for _, st := range m.Statements {
		if !makesThings.MatchString(st.Text) {
			continue
		}
		for _, n := range nameInSQL.FindAllString(st.Text, -1) {
			if strings.HasPrefix(n, `"`) {
				n = strings.ReplaceAll(n[1:len(n)-1], `""`, `"`)
			} else {
				n = strings.ToLower(n)
			}
			if len(n) > 63 || strings.ContainsAny(n, "\n") || e.named[n] || slices.Contains(e.before.roles, n) || size > mostNamed {
				continue
			}
			e.named[n], fresh = true, true
			size += len(n) + 1
		}
	}
	if !fresh || e.role == "" {
		return nil
	}
	text := databaseComment + "\n" + strings.Join(slices.Sorted(maps.Keys(e.named)), "\n")
	if _, err := e.conn.PgConn().Exec(ctx, "COMMENT ON ROLE "+quoted(e.role)+" IS "+strings.TrimSpace(literal(text))).ReadAll(); err != nil {
		return fmt.Errorf("noting the run's roles on the --dev-url server: %w", err)
	}
	return nil
}

const runRole = "^assay_[0-9a-f]{12}_owner$"

// madeRoles are those that a run's role has made: from 16 on their maker gets
// them with ADMIN OPTION, and nothing else gives that.
const madeRoles = `SELECT r.rolname::pg_catalog.text FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) m.roleid
	JOIN pg_catalog.pg_roles o ON o.oid OPERATOR(pg_catalog.=) m.member
	WHERE o.rolname OPERATOR(pg_catalog.=) $1::pg_catalog.name AND m.admin_option AND NOT r.rolsuper AND r.rolname OPERATOR(pg_catalog.!~) '^pg_'`

// ownDatabases are the databases of runs, by their name or by whom they belong to.
const ownDatabases = `SELECT d.datname::pg_catalog.text FROM pg_catalog.pg_database d JOIN pg_catalog.pg_roles o ON o.oid OPERATOR(pg_catalog.=) d.datdba
	WHERE (d.datname OPERATOR(pg_catalog.~) $1 OR o.rolname OPERATOR(pg_catalog.=) ANY ($2::pg_catalog.name[])) AND pg_catalog.pg_has_role(d.datdba, 'MEMBER') ORDER BY 1`

// removeLeft drops what killed runs have left. The lock is ours, so none of them
// is alive. What cannot be dropped is named, and is in nobody's way.
func (e *existing) removeLeft(ctx context.Context) {
	runs, err := e.names(ctx, "SELECT rolname::pg_catalog.text FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.~) $1 ORDER BY 1", runRole)
	if err != nil {
		e.say("what killed runs have left cannot be looked for: " + err.Error())
		return
	}
	owners := slices.Clone(runs)
	for _, run := range runs {
		made, err := e.names(ctx, madeRoles, run)
		if err != nil {
			e.say("what killed runs have left cannot be looked for: " + err.Error())
			continue
		}
		owners = append(append(owners, made...), e.noted(ctx, run)...)
	}
	if err := e.dropDatabases(ctx, "^assay_[0-9a-f]{12}_[0-9]+$", owners); err != nil {
		e.say(err.Error())
	}
	if left := e.dropRoles(ctx, owners); len(left) > 0 {
		e.say("roles of killed runs stay on the --dev-url server, they own something outside the runs' databases: " + strings.Join(left, ", "))
	}
}

// noted are the roles that a killed run wrote down, in the comment of its own.
func (e *existing) noted(ctx context.Context, run string) []string {
	text, err := e.names(ctx, `SELECT coalesce(pg_catalog.shobj_description(oid, 'pg_authid'), '') FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) $1::pg_catalog.name`, run)
	if err != nil || len(text) == 0 {
		return nil
	}
	_, names, ok := strings.Cut(text[0], databaseComment+"\n")
	if !ok {
		return nil
	}
	there, err := e.names(ctx, `SELECT rolname::pg_catalog.text FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.name[]) AND NOT rolsuper ORDER BY 1`, strings.Split(names, "\n"))
	if err != nil {
		return nil
	}
	return there
}

// dropDatabases drops those whose name fits or that belong to one of the roles.
func (e *existing) dropDatabases(ctx context.Context, pattern string, owners []string) error {
	names, err := e.names(ctx, ownDatabases, pattern, owners)
	if err != nil {
		return fmt.Errorf("looking for the databases of runs: %w", err)
	}
	for _, n := range names {
		err = errors.Join(err, e.dropDatabase(ctx, n))
	}
	return err
}

func (e *existing) dropDatabase(ctx context.Context, name string) error {
	if err := e.server.deserted(ctx, e.conn, name); err != nil {
		return fmt.Errorf("dropping database %s of a run: %w", name, err)
	}
	if err := dropForced(ctx, e.conn, name); err != nil {
		return fmt.Errorf("dropping database %s of a run: %w; the next run tries again", name, err)
	}
	return nil
}

// dropRoles drops what can be dropped and gives the rest: a role that owns
// something in a database that is not ours stays.
func (e *existing) dropRoles(ctx context.Context, names []string) (left []string) {
	for len(names) > 0 {
		left = nil
		for _, n := range names {
			if _, err := e.conn.Exec(ctx, "DROP ROLE IF EXISTS "+quoted(n)); err != nil {
				left = append(left, n)
			}
		}
		if len(left) == len(names) {
			return left
		}
		names = left // one may have been in the way of another
	}
	return nil
}

// close drops the run's databases, the roles, databases and slots that its
// migrations made, and its own role.
func (e *existing) close() error {
	if e.conn.IsClosed() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*answerWithin)
	defer cancel()
	defer e.conn.Close(ctx)
	if e.before.roles == nil {
		return nil // nothing was made
	}
	if pid := e.server.pulse.hung(); pid != 0 { // it goes when it is let go on, and the databases with the next run
		_, _ = e.conn.Exec(ctx, "SELECT pg_catalog.pg_terminate_backend($1)", int32(pid))
	}
	now, err := e.things(ctx)
	if err != nil {
		return err
	}
	var made, strange []string
	if e.role != "" {
		if made, err = e.names(ctx, madeRoles, e.role); err != nil {
			return fmt.Errorf("looking for the roles that the migrations made: %w", err)
		}
		made = append(made, e.role)
	}
	for _, n := range now.roles {
		switch {
		case slices.Contains(e.before.roles, n) || slices.Contains(made, n):
		case e.named[n]:
			made = append(made, n)
		default:
			strange = append(strange, n)
		}
	}
	if len(strange) > 0 {
		e.say("these roles came to the --dev-url server during the run and stay, as no statement names them: " + strings.Join(strange, ", "))
	}
	err = errors.Join(e.dropDatabases(ctx, "^"+e.name+"_[0-9]+$", made), e.dropNamed(ctx, now), e.restoreSettings(ctx, now))
	if left := e.dropRoles(ctx, made); len(left) > 0 {
		err = errors.Join(err, fmt.Errorf("these roles stay on the --dev-url server, they own something outside the run's databases: %s", strings.Join(left, ", ")))
	}
	return err
}

// dropNamed drops the databases and replication slots that came during the run
// and that its statements name.
func (e *existing) dropNamed(ctx context.Context, now things) error {
	var err error
	for _, n := range now.databases {
		if e.named[n] && !slices.Contains(e.before.databases, n) {
			err = errors.Join(err, e.dropDatabase(ctx, n))
		}
	}
	for _, n := range now.slots {
		if e.named[n] && !slices.Contains(e.before.slots, n) {
			if _, e := e.conn.Exec(ctx, "SELECT pg_catalog.pg_drop_replication_slot($1)", n); e != nil {
				err = errors.Join(err, fmt.Errorf("dropping the replication slot %s that a migration made: %w", n, e))
			}
		}
	}
	return err
}

// restoreSettings takes back what ALTER ROLE … SET did to roles that were there.
func (e *existing) restoreSettings(ctx context.Context, now things) error {
	var err error
	for _, role := range e.before.roles {
		was, is := e.before.settings[role], now.settings[role]
		if slices.Equal(was, is) {
			continue
		}
		sql := []string{"ALTER ROLE " + quoted(role) + " RESET ALL"}
		for _, s := range was {
			name, value, _ := strings.Cut(s, "=")
			sql = append(sql, fmt.Sprintf("SELECT pg_catalog.set_config(%s, %s, true); ALTER ROLE %s SET %s FROM CURRENT",
				strings.TrimSpace(literal(name)), strings.TrimSpace(literal(value)), quoted(role), quoted(name)))
		}
		if _, e := e.conn.PgConn().Exec(ctx, strings.Join(sql, "; ")).ReadAll(); e != nil {
			err = errors.Join(err, fmt.Errorf("giving role %s its settings again: %w", role, e))
		}
	}
	return err
}

// alive reports a server that has gone or has been restarted since the run began.
func (e *existing) alive() error {
	if e == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), answerWithin)
	defer cancel()
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.conn.Ping(ctx); err != nil {
		return fmt.Errorf("the --dev-url server has ended or was restarted in the middle of the run; run assay again: %w", err)
	}
	return nil
}
