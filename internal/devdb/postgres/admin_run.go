package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/assaydb/assay/internal/migration"
)

// superusers matches the statements that only a superuser may run though they
// run no code: what they make can be handed to the migrations' role, and does
// no more then than that role may.
var superusers = regexp.MustCompile(`(?i)^\s*(?:CREATE\s+EVENT\s+TRIGGER\s|CREATE\s+FOREIGN\s+DATA\s+WRAPPER\s|CREATE\s+OPERATOR\s+(?:CLASS|FAMILY)\s|(?:CREATE|ALTER)\s+PUBLICATION\s(?:[^']|'[^']*')*?\s(?:ALL\s+TABLES|TABLES\s+IN\s+SCHEMA|ALL\s+SEQUENCES)\b)`)

// newOwner matches a statement that does nothing but give an object to a role:
// a superuser need not ask whether that role may make it where it is.
var newOwner = regexp.MustCompile(`(?is)^\s*ALTER\s+(?:[a-z]+\s+){1,3}?(?:IF\s+EXISTS\s+)?(?:ONLY\s+)?` + dotted +
	`(?:\s*\((?:[^()']|\([^()']*\))*\))?(?:\s+USING\s+\w+)?\s+OWNER\s+TO\s+("(?:[^"]|"")+"|\w+)\s*$`)

const dotted = `(?:"(?:[^"]|"")+"|[\w$\x80-\xff]+)(?:\.(?:"(?:[^"]|"")+"|[\w$\x80-\xff]+))*`

// ByAdmin reports whether a server with Config.Schemas has its admin run a
// statement for the migrations' role.
func ByAdmin(text string) bool {
	_, ok := byAdmin(text)
	return ok
}

// byAdmin reports whether a statement is one that the admin may run for the
// migrations' role, and gives the role that it makes an owner.
func byAdmin(text string) (owner string, ok bool) {
	if strings.Contains(text, `\`) {
		return "", false // where a string with one ends is a matter of settings, so that there could be a second statement behind it
	}
	if superusers.MatchString(text) {
		return "", true
	}
	m := newOwner.FindStringSubmatch(text)
	if m == nil || slices.Contains([]string{"current_user", "session_user", "current_role"}, strings.ToLower(m[1])) {
		return "", false
	}
	return lastName(m[1]), true
}

// prepareSuper makes the function that runs a superuser's statement in the
// session of the migrations' role, and gives the call of it. The function runs
// that one statement and no other, without event triggers, and hands over what
// it made: to call it once more does nothing that the files do not do.
func (d *DB) prepareSuper(ctx context.Context, st *migration.Statement) (call string, err error) {
	c, err := d.ConnectAdmin(ctx)
	if err != nil {
		return "", err
	}
	defer c.Close(context.WithoutCancel(ctx))
	owner, _ := byAdmin(st.Text)
	check := ""
	if owner != "" {
		check = "IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = " + literal(owner) + " AND (rolsuper OR rolname ~ '^pg_' AND rolname <> 'pg_database_owner')) THEN\nRAISE insufficient_privilege USING MESSAGE = 'must be able to SET ROLE ' || " + literal(quoted(owner)) + "; END IF;\n"
	}
	sum := sha256.Sum256([]byte(st.Text))
	name := "pg_catalog.assay_super_" + hex.EncodeToString(sum[:12])
	give := ""
	for _, g := range [][2]string{{"pg_event_trigger", "evtowner"}, {"pg_foreign_data_wrapper", "fdwowner"}, {"pg_publication", "pubowner"}, {"pg_opclass", "opcowner"}, {"pg_opfamily", "opfowner"}} {
		give += fmt.Sprintf("UPDATE pg_catalog.%[1]s SET %[2]s = session_user::regrole WHERE %[2]s = current_user::regrole AND oid >= 16384;\n", g[0], g[1])
	}
	sql := "CREATE OR REPLACE FUNCTION " + name + "(path text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET session_replication_role = replica SET search_path = pg_catalog, pg_temp AS " +
		literal("BEGIN "+check+"PERFORM set_config('search_path', path, true); EXECUTE "+literal(st.Text)+"; PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);\n"+give+"END")
	if _, err := c.Exec(ctx, sql, pgx.QueryExecModeSimpleProtocol); err != nil {
		return "", fmt.Errorf("preparing %s:%d, which takes a superuser: %w", st.Pos.Path, st.Pos.Line, err)
	}
	return "SELECT " + name + "(pg_catalog.current_setting('search_path'))", nil
}

// sendSuper sends a statement that takes a superuser, where such may be run.
func (r *recorder) sendSuper(ctx context.Context, st *migration.Statement, probe bool) (sent, error) {
	if _, ok := byAdmin(st.Text); r.prepareSuper == nil || !ok {
		return r.sendWith(ctx, st, probe)
	}
	call, err := r.prepareSuper(ctx, st)
	if err != nil {
		return sent{}, err
	}
	as := *st
	as.Text = call
	s, err := r.sendWith(ctx, &as, probe)
	if s.err == nil {
		s.tag = plainTag(st.Syntax.Tag)
	}
	return s, err
}
