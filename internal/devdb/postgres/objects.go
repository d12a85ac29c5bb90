package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/schema"
)

// textClass is a system catalog whose objects are kept as text: what is set of
// them, with names in place of OIDs.
type textClass struct {
	oid        schema.OID // of the system catalog
	from       string     // the catalog, as o
	definition string     // comma-separated expressions
	owner, acl string
	since      int // major
	shared     bool
	also       []schema.OID // further catalogs that its objects are spread over
}

// textClasses are all of them. What a statement wrote in these catalogs, and in
// those beside them, is known from the server's own counters.
var textClasses = []textClass{
	{oid: 3456, from: "pg_collation", definition: "o.collprovider, o.collisdeterministic, o.collencoding, o.collcollate, o.collctype, {collation}", owner: "o.collowner"},
	{oid: 2607, from: "pg_conversion", definition: "pg_encoding_to_char(o.conforencoding), pg_encoding_to_char(o.contoencoding), o.conproc, o.condefault", owner: "o.conowner"},
	{oid: 2617, from: "pg_operator", definition: "o.oprkind, o.oprcanmerge, o.oprcanhash, o.oprresult::regtype, o.oprcom::regoperator, o.oprnegate::regoperator, o.oprcode, o.oprrest, o.oprjoin", owner: "o.oprowner"},
	{oid: 2616, from: "pg_opclass", definition: "(pg_identify_object(2753, o.opcfamily, 0)).identity, o.opcintype::regtype, o.opcdefault, o.opckeytype::regtype", owner: "o.opcowner"},
	{
		oid: 2753, from: "pg_opfamily", owner: "o.opfowner", also: []schema.OID{2602, 2603},
		definition: "(SELECT string_agg(concat_ws(' ', p.amopstrategy, p.amoppurpose, p.amopopr::regoperator, p.amopsortfamily), ', ' ORDER BY p.amopstrategy, p.amopopr::regoperator::text) FROM pg_amop p WHERE p.amopfamily = o.oid), " +
			"(SELECT string_agg(concat_ws(' ', p.amprocnum, p.amproclefttype::regtype, p.amprocrighttype::regtype, p.amproc), ', ' ORDER BY p.amprocnum, p.amproclefttype::regtype::text, p.amprocrighttype::regtype::text) FROM pg_amproc p WHERE p.amprocfamily = o.oid)",
	},
	{oid: 2601, from: "pg_am", definition: "o.amhandler, o.amtype"},
	{oid: 2605, from: "pg_cast", definition: "o.castfunc::regprocedure, o.castcontext, o.castmethod"},
	{oid: 2612, from: "pg_language", definition: "o.lanpltrusted, o.lanplcallfoid::regproc, o.laninline::regproc, o.lanvalidator::regproc", owner: "o.lanowner", acl: "o.lanacl"},
	{oid: 3576, from: "pg_transform", definition: "o.trffromsql, o.trftosql"},
	{
		oid: 3602, from: "pg_ts_config", owner: "o.cfgowner", also: []schema.OID{3603},
		definition: "(pg_identify_object(3601, o.cfgparser, 0)).identity, (SELECT string_agg(concat_ws(' ', m.maptokentype, m.mapdict::regdictionary), ', ' ORDER BY m.maptokentype, m.mapseqno) FROM pg_ts_config_map m WHERE m.mapcfg = o.oid)",
	},
	{oid: 3600, from: "pg_ts_dict", definition: "(pg_identify_object(3764, o.dicttemplate, 0)).identity, o.dictinitoption", owner: "o.dictowner"},
	{oid: 3601, from: "pg_ts_parser", definition: "o.prsstart, o.prstoken, o.prsend, o.prsheadline, o.prslextype"},
	{oid: 3764, from: "pg_ts_template", definition: "o.tmplinit, o.tmpllexize"},
	{oid: 2328, from: "pg_foreign_data_wrapper", definition: "o.fdwhandler::regproc, o.fdwvalidator::regproc, o.fdwoptions", owner: "o.fdwowner", acl: "o.fdwacl"},
	{oid: 1417, from: "pg_foreign_server", definition: "(SELECT fdwname FROM pg_foreign_data_wrapper WHERE oid = o.srvfdw), o.srvtype, o.srvversion, o.srvoptions", owner: "o.srvowner", acl: "o.srvacl"},
	{oid: 1418, from: "{mappings}", definition: "{mappingoptions}"}, // options hold passwords
	{oid: 826, from: "pg_default_acl", definition: "(SELECT string_agg(a::text, ', ' ORDER BY a::text) FROM unnest(o.defaclacl) a)"},
	{oid: 6100, from: "pg_subscription", definition: "o.subenabled, o.subslotname, o.subpublications", owner: "o.subowner", shared: true},
	{
		oid: 1260, from: "{roles}", shared: true, also: []schema.OID{1261, 2964},
		definition: "o.rolsuper, o.rolinherit, o.rolcreaterole, o.rolcreatedb, o.rolcanlogin, o.rolreplication, o.rolbypassrls, o.rolconnlimit, o.rolvaliduntil, {rolepassword}, " +
			"(SELECT string_agg(concat_ws(' ', g.rolname, m.admin_option{memberships}), ', ' ORDER BY g.rolname) FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = o.oid), " +
			"(SELECT string_agg(concat_ws(' ', CASE WHEN s.setdatabase <> 0 THEN 'here' END, s.setconfig), ', ' ORDER BY s.setdatabase) FROM pg_db_role_setting s LEFT JOIN pg_database d ON d.oid = s.setdatabase WHERE s.setrole = o.oid AND (d.oid IS NULL OR d.datname = current_database()))",
	},
	{oid: 1262, from: "(SELECT * FROM pg_database WHERE datname = current_database())", definition: "o.datconnlimit, o.datallowconn, (SELECT s.setconfig FROM pg_db_role_setting s WHERE s.setrole = 0 AND s.setdatabase = o.oid)", acl: "o.datacl", shared: true},
	{oid: 1213, from: "pg_tablespace", definition: "o.spcoptions", owner: "o.spcowner", acl: "o.spcacl", shared: true},
	{oid: 6243, from: "pg_parameter_acl", definition: "(SELECT string_agg(a::text, ', ' ORDER BY a::text) FROM unnest(o.paracl) a)", since: 15, shared: true},
}

// pgShdescription holds the comments on roles and the like, of which no event tells.
const pgShdescription = 2396

// textual reports whether a system catalog's objects are kept as text.
func textual(catalog schema.OID) bool {
	return slices.ContainsFunc(textClasses, func(c textClass) bool { return c.oid == catalog })
}

// writtenSQL is SQL for the sum of all rows that the transaction wrote in the text
// classes' catalogs, by the counters of the server.
func writtenSQL() string {
	list := []string{fmt.Sprint(pgShdescription)}
	for _, c := range textClasses {
		list = append(list, fmt.Sprint(c.oid))
		for _, a := range c.also {
			list = append(list, fmt.Sprint(a))
		}
	}
	return "(SELECT pg_catalog.sum(pg_catalog.pg_stat_get_xact_tuples_inserted(c) OPERATOR(pg_catalog.+) pg_catalog.pg_stat_get_xact_tuples_updated(c) OPERATOR(pg_catalog.+) pg_catalog.pg_stat_get_xact_tuples_deleted(c))" +
		" FROM pg_catalog.unnest('{" + strings.Join(list, ",") + "}'::pg_catalog.oid[]) c)"
}

// objectsFunction reads all objects that are kept as text. Made by a superuser
// it runs as one: what a role or a user mapping is set to, nobody else may read.
// It gives no passwords, only whether there are any, or their hash.
func objectsFunction(schemaName string, major int, super bool) string {
	var parts, whole []string
	for _, c := range textClasses {
		if major < c.since || c.oid == 6100 && !super && major < 16 { // a superuser's alone to make, and to read in 13
			continue
		}
		if c.shared {
			whole = append(whole, fmt.Sprint(c.oid))
		}
		owner, acl, since := "NULL", "NULL", "false"
		if c.owner != "" {
			owner = "pg_get_userbyid(" + c.owner + ")"
		}
		if c.acl != "" {
			acl = c.acl + "::text[]"
		}
		where := "o.oid >= 16384"
		comment := fmt.Sprintf("(SELECT description FROM pg_description WHERE objoid = o.oid AND classoid = %d AND objsubid = 0)", c.oid)
		if c.shared {
			comment = fmt.Sprintf("(SELECT description FROM pg_shdescription WHERE objoid = o.oid AND classoid = %d)", c.oid)
			since = fmt.Sprintf("EXISTS (SELECT FROM pg_shdescription x WHERE x.objoid = o.oid AND x.classoid = %d AND x.xmin::text::bigint >= since)", c.oid)
			if super || c.oid != 1260 {
				since += " OR o.xmin::text::bigint >= since"
			}
			if c.oid == 1260 && super {
				// Memberships and settings are in catalogs of their own.
				since += " OR EXISTS (SELECT FROM pg_auth_members m WHERE m.member = o.oid AND m.xmin::text::bigint >= since) OR EXISTS (SELECT FROM pg_db_role_setting s WHERE s.setrole = o.oid AND s.xmin::text::bigint >= since)"
			}
		}
		if c.oid == 1262 {
			where, since = "true", "true"
		}
		if c.oid == 6100 && !super {
			since = "true" // its xmin is for superusers alone, and the database is the run's own
		}
		if c.oid == 6100 {
			where += " AND o.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())"
		}
		name := fmt.Sprintf("(pg_identify_object(%d, o.oid, 0)).identity", c.oid)
		if c.oid == 1262 {
			name = "'the database'"
		}
		oid := "o.oid"
		if c.oid == 1262 {
			oid = "1" // a copy of a database is another one, and the same to its catalog
		}
		parts = append(parts, fmt.Sprintf(`SELECT json_agg(json_build_object('oid', %[11]s, 'kind', (pg_identify_object(%[1]d, o.oid, 0)).type, 'name', %[2]s, 'definition', concat_ws(' | ', %[3]s),
    'owner', %[4]s, 'acl', %[5]s, 'comment', %[6]s, 'shared', %[7]t, 'mine', %[8]s)) FROM %[9]s o
    WHERE %[10]s AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = %[1]d AND e.objid = o.oid AND e.deptype IN ('e', 'i'))`,
			c.oid, name, c.definition, owner, acl, comment, c.shared, since, c.from, where, oid))
	}
	roles, password, mappings, options := "pg_roles", "NULL", "pg_user_mappings", "NULL"
	definer := ""
	if super {
		definer = " SECURITY DEFINER"
		roles, password, mappings, options = "pg_authid", "CASE WHEN o.rolpassword IS NOT NULL THEN 'with a password' END", "pg_user_mapping", "md5(o.umoptions::text)"
	} else {
		mappings = "(SELECT umid AS oid FROM pg_user_mappings)"
	}
	collation := "NULL"
	switch {
	case major >= 17:
		collation = "o.colllocale, o.collicurules"
	case major == 16:
		collation = "o.colliculocale, o.collicurules"
	case major == 15:
		collation = "o.colliculocale"
	}
	body := "  part := ARRAY[]::text[];\n"
	for _, p := range parts {
		body += "  item := (" + p + ");\n  part := part || item::text;\n"
	}
	text := `CREATE OR REPLACE FUNCTION {schema}.assay_recorder_objects() RETURNS text LANGUAGE plpgsql VOLATILE` + definer + `
SET search_path = 'pg_catalog', 'pg_temp' SET datestyle = 'ISO, MDY' SET timezone = 'UTC' SET quote_all_identifiers = off AS $assay$
DECLARE part text[]; item json; since bigint := coalesce(pg_current_xact_id_if_assigned()::xid::text::bigint, 9223372036854775807);
BEGIN
` + body + `  RETURN concat((SELECT sum(pg_stat_get_xact_tuples_deleted(c)) FROM unnest('{` + strings.Join(whole, ",") + `}'::oid[]) c), ' [', array_to_string(part, ',', 'null'), ']');
END $assay$`
	return strings.NewReplacer("{schema}", schemaName, "{roles}", roles, "{rolepassword}", password, "{mappings}", mappings, "{mappingoptions}", options,
		"{collation}", collation, "{memberships}", since(major, 16, ", m.inherit_option, m.set_option", "")).Replace(text)
}

// readObject is an object as the function gives it.
type readObject struct {
	*schema.Object
	ACL  []string
	Mine bool // written by the transaction that reads
}

// readObjects reads the objects that are kept as text. Objects of the whole
// server are other sessions' too: unless all are wanted, only those that this
// transaction wrote are taken, and those that are gone if it deleted any.
func (r *recorder) readObjects(ctx context.Context, all bool) error {
	r.settle(ctx)
	if r.conn.TxStatus() == 'E' || r.conn.IsClosed() {
		return nil // a statement sent ahead was refused: nothing of the transaction stays
	}
	text, err := r.value(ctx, nil, r.objects)
	if err != nil {
		return fmt.Errorf("reading the catalog: %w", err)
	}
	count, rest, _ := strings.Cut(text, " ")
	var lists [][]readObject
	if err := json.Unmarshal([]byte(rest), &lists); err != nil {
		return fmt.Errorf("decoding the catalog: %w", err)
	}
	now := map[schema.OID]*schema.Object{}
	deleted := integer(count)
	for o, was := range r.cat.Objects {
		if was.Shared && deleted == r.deleted && r.triggers {
			now[o] = was // gone or not: it was not this session
		}
	}
	r.deleted = deleted
	for _, list := range lists {
		for _, o := range list {
			was := r.cat.Objects[o.OID]
			if o.Shared && !all && !o.Mine && r.triggers {
				if was != nil {
					now[o.OID] = was
				}
				continue
			}
			o.Object.ACL = grants(o.ACL, o.Owner, nil)
			if was != nil && reflect.DeepEqual(was, o.Object) {
				o.Object = was
			}
			now[o.OID] = o.Object
		}
	}
	if !maps.Equal(now, r.cat.Objects) {
		c := *r.cat
		c.Objects = now
		r.cat = &c
	}
	return nil
}
