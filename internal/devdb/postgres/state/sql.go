package state

// Every query gives the same columns: class, catalog, oid, subid, rel, schema,
// of, name, parts, facts, owner, acl, inherited. Columns that only some majors
// have are read through to_jsonb of the row. Parts that are null are left out.

// named leaves out what the system and other sessions own.
const named = `n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`

// acl writes an access control list out, the built-in default included.
func acl(column, kind, owner string) string {
	return `(SELECT json_agg(json_build_array(CASE WHEN a.grantee = 0 THEN '' ELSE pg_get_userbyid(a.grantee) END,
		pg_get_userbyid(a.grantor), a.privilege_type, a.is_grantable)) FROM aclexplode(coalesce(` + column + `, acldefault('` + kind + `', ` + owner + `))) a)`
}

// options writes a list of options (reloptions, attoptions) in a fixed order.
func options(column string) string {
	return `(SELECT string_agg(o, chr(10) ORDER BY o) FROM unnest(` + column + `) o)`
}

var queries = []string{
	// schemas
	`SELECT 'schema', 'pg_namespace'::regclass::oid, n.oid, 0, 0::oid, '', '', n.nspname::text, json_build_object(), json_build_object(),
		pg_get_userbyid(n.nspowner)::text, ` + acl("n.nspacl", "n", "n.nspowner") + `, false
	FROM pg_namespace n WHERE ` + named,
	// extensions
	`SELECT 'extension', 'pg_extension'::regclass::oid, e.oid, 0, 0::oid, '', '', e.extname::text,
		json_build_object('schema', n.nspname), json_build_object('version', e.extversion, 'usual version', (SELECT a.default_version FROM pg_available_extensions() a WHERE a.name = e.extname), 'relocatable', e.extrelocatable),
		'', NULL::json, false
	FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace`,
	// collations
	`SELECT 'collation', 'pg_collation'::regclass::oid, c.oid, 0, 0::oid, n.nspname::text, '', c.collname::text,
		json_build_object('provider', CASE c.collprovider WHEN 'i' THEN 'icu' WHEN 'c' THEN 'libc' WHEN 'b' THEN 'builtin' ELSE c.collprovider::text END,
			'deterministic', c.collisdeterministic::text,
			'lc_collate', CASE WHEN to_jsonb(c)->>'colliculocale' IS NULL AND to_jsonb(c)->>'colllocale' IS NULL THEN c.collcollate END,
			'lc_ctype', CASE WHEN to_jsonb(c)->>'colliculocale' IS NULL AND to_jsonb(c)->>'colllocale' IS NULL THEN c.collctype END,
			'locale', coalesce(to_jsonb(c)->>'colllocale', to_jsonb(c)->>'colliculocale'),
			'rules', to_jsonb(c)->>'collicurules'),
		json_build_object(), pg_get_userbyid(c.collowner)::text, NULL::json, false
	FROM pg_collation c JOIN pg_namespace n ON n.oid = c.collnamespace WHERE c.oid >= 16384 AND ` + named,
	// enum types
	`SELECT 'enum type', 'pg_type'::regclass::oid, t.oid, 0, 0::oid, n.nspname::text, '', t.typname::text,
		json_build_object('labels', (SELECT json_agg(e.enumlabel ORDER BY e.enumsortorder)::text FROM pg_enum e WHERE e.enumtypid = t.oid)),
		json_build_object(), pg_get_userbyid(t.typowner)::text, ` + acl("t.typacl", "T", "t.typowner") + `, false
	FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE t.typtype = 'e' AND t.oid >= 16384 AND ` + named,
	// composite types
	`SELECT 'composite type', 'pg_class'::regclass::oid, c.oid, 0, 0::oid, n.nspname::text, '', c.relname::text,
		json_build_object('attributes', (SELECT json_agg(a.attname ORDER BY a.attnum)::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)),
		json_build_object(), pg_get_userbyid(c.relowner)::text, ` + acl("t.typacl", "T", "t.typowner") + `, false
	FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_type t ON t.oid = c.reltype
	WHERE c.relkind = 'c' AND c.oid >= 16384 AND ` + named,
	// range types
	`SELECT 'range type', 'pg_type'::regclass::oid, t.oid, 0, 0::oid, n.nspname::text, '', t.typname::text,
		json_build_object('subtype', format_type(r.rngsubtype, NULL),
			'subtype_opclass', (SELECT quote_ident(o.nspname) || '.' || quote_ident(opcname) FROM pg_opclass JOIN pg_namespace o ON o.oid = opcnamespace WHERE pg_opclass.oid = r.rngsubopc AND NOT opcdefault),
			'collation', (SELECT quote_ident(o.nspname) || '.' || quote_ident(collname) FROM pg_collation JOIN pg_namespace o ON o.oid = collnamespace, pg_type s
				WHERE pg_collation.oid = r.rngcollation AND s.oid = r.rngsubtype AND s.typcollation <> r.rngcollation),
			'canonical', nullif(r.rngcanonical::oid, 0)::regproc::text,
			'subtype_diff', nullif(r.rngsubdiff::oid, 0)::regproc::text,
			'multirange_type_name', nullif(to_jsonb(r)->>'rngmultitypid', '0')::oid::regtype::text),
		json_build_object(), pg_get_userbyid(t.typowner)::text, ` + acl("t.typacl", "T", "t.typowner") + `, false
	FROM pg_type t JOIN pg_range r ON r.rngtypid = t.oid JOIN pg_namespace n ON n.oid = t.typnamespace WHERE t.typtype = 'r' AND t.oid >= 16384 AND ` + named,
	// domains
	`SELECT 'domain', 'pg_type'::regclass::oid, t.oid, 0, 0::oid, n.nspname::text, '', t.typname::text,
		json_build_object('type', format_type(t.typbasetype, t.typtypmod), 'not null', CASE WHEN t.typnotnull THEN 'true' END,
			'default', coalesce(pg_get_expr(t.typdefaultbin, 0), quote_literal(t.typdefault)),
			'collation', (SELECT quote_ident(o.nspname) || '.' || quote_ident(l.collname) FROM pg_collation l JOIN pg_namespace o ON o.oid = l.collnamespace
				WHERE l.oid = t.typcollation AND t.typcollation <> b.typcollation)),
		json_build_object(), pg_get_userbyid(t.typowner)::text, ` + acl("t.typacl", "T", "t.typowner") + `, false
	FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace JOIN pg_type b ON b.oid = t.typbasetype
	WHERE t.typtype = 'd' AND t.oid >= 16384 AND ` + named,
	`SELECT 'domain constraint', 'pg_constraint'::regclass::oid, c.oid, 0, 0::oid, n.nspname::text, t.typname::text, c.conname::text,
		json_build_object('definition', pg_get_constraintdef(c.oid)), json_build_object('validated', c.convalidated), '', NULL::json, false
	FROM pg_constraint c JOIN pg_type t ON t.oid = c.contypid JOIN pg_namespace n ON n.oid = t.typnamespace
	WHERE c.contype = 'c' AND c.oid >= 16384 AND ` + named,
	// base and shell types are compared, and no more
	`SELECT 'base type', 'pg_type'::regclass::oid, t.oid, 0, 0::oid, n.nspname::text, '', t.typname::text,
		json_build_object('definition', concat_ws(' ', t.typlen, t.typbyval, t.typcategory, t.typispreferred, t.typisdefined, t.typdelim, t.typinput::regproc, t.typoutput::regproc,
			t.typreceive::regproc, t.typsend::regproc, t.typmodin::regproc, t.typmodout::regproc, t.typanalyze::regproc, t.typalign, t.typstorage, t.typdefault)),
		json_build_object(), pg_get_userbyid(t.typowner)::text, ` + acl("t.typacl", "T", "t.typowner") + `, false
	FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
	WHERE (t.typtype = 'p' OR t.typtype = 'b' AND NOT EXISTS (SELECT FROM pg_type e WHERE e.typarray = t.oid)) AND t.oid >= 16384 AND ` + named,
	// casts
	`SELECT 'cast', 'pg_cast'::regclass::oid, c.oid, 0, 0::oid, '', '', format('(%s AS %s)', format_type(c.castsource, NULL), format_type(c.casttarget, NULL)),
		json_build_object('definition', CASE c.castmethod WHEN 'f' THEN 'WITH FUNCTION ' || c.castfunc::regprocedure WHEN 'i' THEN 'WITH INOUT' ELSE 'WITHOUT FUNCTION' END
			|| CASE c.castcontext WHEN 'a' THEN ' AS ASSIGNMENT' WHEN 'i' THEN ' AS IMPLICIT' ELSE '' END),
		json_build_object(), '', NULL::json, false
	FROM pg_cast c WHERE c.oid >= 16384`,
	// tables
	`SELECT CASE c.relkind WHEN 'f' THEN 'foreign table' ELSE 'table' END, 'pg_class'::regclass::oid, c.oid, 0, c.oid, n.nspname::text, '', c.relname::text,
		json_build_object('kind', CASE WHEN c.relkind = 'p' THEN 'partitioned' ELSE 'plain' END,
			'persistence', CASE c.relpersistence WHEN 'u' THEN 'unlogged' END,
			'options', ` + options("c.reloptions") + `,
			'toast options', (SELECT ` + options("x.reloptions") + ` FROM pg_class x WHERE x.oid = c.reltoastrelid),
			'access method', (SELECT quote_ident(amname) FROM pg_am WHERE pg_am.oid = c.relam AND amname <> 'heap'),
			'tablespace', (SELECT quote_ident(spcname) FROM pg_tablespace s WHERE s.oid = c.reltablespace),
			'partition key', pg_get_partkeydef(c.oid),
			'bound', pg_get_expr(c.relpartbound, c.oid),
			'parents', (SELECT string_agg(format('%I.%I', pn.nspname, p.relname), ', ' ORDER BY i.inhseqno) FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent JOIN pg_namespace pn ON pn.oid = p.relnamespace WHERE i.inhrelid = c.oid),
			'of type', nullif(c.reloftype, 0)::regtype::text,
			'row security', CASE WHEN c.relrowsecurity THEN 'ENABLE' END,
			'forced row security', CASE WHEN c.relforcerowsecurity THEN 'FORCE' END,
			'replica identity', CASE c.relreplident WHEN 'f' THEN 'FULL' WHEN 'n' THEN 'NOTHING'
				WHEN 'i' THEN (SELECT 'USING INDEX ' || quote_ident(x.relname) FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = c.oid AND i.indisreplident) END,
			'clustered on', (SELECT quote_ident(x.relname) FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = c.oid AND i.indisclustered),
			'server', (SELECT quote_ident(s.srvname) FROM pg_foreign_table f JOIN pg_foreign_server s ON s.oid = f.ftserver WHERE f.ftrelid = c.oid),
			'foreign options', (SELECT ` + options("f.ftoptions") + ` FROM pg_foreign_table f WHERE f.ftrelid = c.oid)),
		json_build_object(), pg_get_userbyid(c.relowner)::text, ` + acl("c.relacl", "r", "c.relowner") + `, false
	FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE c.relkind IN ('r', 'p', 'f') AND c.relpersistence <> 't' AND c.oid >= 16384 AND ` + named,
	// views
	`SELECT CASE c.relkind WHEN 'm' THEN 'materialized view' ELSE 'view' END, 'pg_class'::regclass::oid, c.oid, 0, c.oid, n.nspname::text, '', c.relname::text,
		json_build_object('definition', rtrim(pg_get_viewdef(c.oid), ';'), 'options', ` + options("c.reloptions") + `,
			'access method', (SELECT quote_ident(amname) FROM pg_am WHERE pg_am.oid = c.relam AND amname <> 'heap'),
			'tablespace', (SELECT quote_ident(spcname) FROM pg_tablespace s WHERE s.oid = c.reltablespace),
			'populated', CASE WHEN c.relkind = 'm' THEN c.relispopulated::text END),
		json_build_object('columns', (SELECT string_agg(format('%I %s %s', a.attname, format_type(a.atttypid, a.atttypmod), a.attcollation), chr(10) ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0)),
		pg_get_userbyid(c.relowner)::text, ` + acl("c.relacl", "r", "c.relowner") + `, false
	FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE c.relkind IN ('v', 'm') AND c.relpersistence <> 't' AND c.oid >= 16384 AND ` + named,
	// sequences
	`SELECT 'sequence', 'pg_class'::regclass::oid, c.oid, 0, 0::oid, n.nspname::text, '', c.relname::text,
		json_build_object('type', format_type(s.seqtypid, NULL), 'start', s.seqstart::text, 'increment', s.seqincrement::text, 'min', s.seqmin::text, 'max', s.seqmax::text,
			'cache', s.seqcache::text, 'cycle', s.seqcycle::text, 'persistence', CASE c.relpersistence WHEN 'u' THEN 'unlogged' END,
			'owned by', CASE d.deptype WHEN 'a' THEN format('%I.%I.%I', tn.nspname, t.relname, a.attname) END),
		json_build_object('table schema', tn.nspname, 'table', t.relname, 'column', a.attname, 'identity', d.deptype = 'i'),
		pg_get_userbyid(c.relowner)::text, ` + acl("c.relacl", "s", "c.relowner") + `, coalesce(d.deptype = 'i', false)
	FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_sequence s ON s.seqrelid = c.oid
	LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
	LEFT JOIN pg_class t ON t.oid = d.refobjid LEFT JOIN pg_namespace tn ON tn.oid = t.relnamespace
	LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
	WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND c.oid >= 16384 AND ` + named,
	// columns
	`SELECT 'column', 'pg_class'::regclass::oid, c.oid, a.attnum::int, c.oid, n.nspname::text, c.relname::text, a.attname::text,
		json_build_object('type', CASE WHEN c.relkind NOT IN ('v', 'm') THEN format_type(a.atttypid, a.atttypmod) END,
			'collation', CASE WHEN c.relkind NOT IN ('v', 'm') AND a.attcollation <> t.typcollation THEN (SELECT quote_ident(o.nspname) || '.' || quote_ident(l.collname) FROM pg_collation l JOIN pg_namespace o ON o.oid = l.collnamespace WHERE l.oid = a.attcollation) END,
			'not null', CASE WHEN k.oid IS NOT NULL THEN CASE WHEN k.conname <> left(c.relname || '_' || a.attname || '_not_null', 63) THEN format('CONSTRAINT %I ', k.conname) ELSE '' END || 'NOT NULL'
				|| CASE WHEN k.connoinherit THEN ' NO INHERIT' ELSE '' END || CASE WHEN NOT k.convalidated THEN ' NOT VALID' ELSE '' END
				WHEN a.attnotnull THEN 'NOT NULL' END,
			'identity', CASE a.attidentity WHEN 'a' THEN 'ALWAYS' WHEN 'd' THEN 'BY DEFAULT' END,
			'generated', CASE WHEN a.attgenerated <> '' THEN '(' || pg_get_expr(d.adbin, d.adrelid) || ') ' || CASE a.attgenerated WHEN 's' THEN 'STORED' ELSE 'VIRTUAL' END END,
			'storage', CASE WHEN a.attstorage <> t.typstorage AND c.relkind NOT IN ('v', 'c') THEN CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'x' THEN 'EXTENDED' ELSE 'MAIN' END END,
			'compression', CASE to_jsonb(a)->>'attcompression' WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END,
			'statistics', CASE WHEN a.attstattarget >= 0 THEN a.attstattarget::text END,
			'options', ` + options("a.attoptions") + `,
			'foreign options', ` + options("a.attfdwoptions") + `),
		json_build_object('relation', c.relkind, 'local', a.attislocal, 'parents', a.attinhcount, 'position', a.attnum, 'type', format_type(a.atttypid, a.atttypmod), 'storage of type', t.typstorage,
			'not null name', k.conname, 'base type', t.oid::regtype::text, 'element type', nullif(t.typelem, 0)::regtype::text),
		'', CASE WHEN a.attacl IS NOT NULL THEN ` + acl("a.attacl", "c", "c.relowner") + ` END, a.attinhcount > 0 AND NOT a.attislocal
	FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_type t ON t.oid = a.atttypid
	LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
	LEFT JOIN pg_constraint k ON k.conrelid = a.attrelid AND k.contype = 'n' AND k.conkey[1] = a.attnum
	WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm', 'c') AND a.attnum > 0 AND NOT a.attisdropped AND c.relpersistence <> 't' AND c.oid >= 16384 AND ` + named,
	`SELECT 'default', 'pg_attrdef'::regclass::oid, d.oid, 0, c.oid, n.nspname::text, c.relname::text, a.attname::text,
		json_build_object('definition', pg_get_expr(d.adbin, d.adrelid)), json_build_object('relation', c.relkind, 'inherited column', a.attinhcount > 0), '', NULL::json, false
	FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE a.attgenerated = '' AND c.relpersistence <> 't' AND c.oid >= 16384 AND ` + named,
	// constraints
	`SELECT 'constraint', 'pg_constraint'::regclass::oid, k.oid, 0, c.oid, n.nspname::text, c.relname::text, k.conname::text,
		json_build_object('definition', pg_get_constraintdef(k.oid), 'options', (SELECT ` + options("x.reloptions") + ` FROM pg_class x WHERE x.oid = k.conindid AND k.contype IN ('p', 'u', 'x')),
			'tablespace', (SELECT quote_ident(s.spcname) FROM pg_class x JOIN pg_tablespace s ON s.oid = x.reltablespace WHERE x.oid = k.conindid AND k.contype IN ('p', 'u', 'x'))),
		json_build_object('kind', k.contype, 'validated', k.convalidated, 'deferrable', k.condeferrable, 'enforced', to_jsonb(k)->>'conenforced',
			'index', (SELECT x.relname FROM pg_class x WHERE x.oid = k.conindid AND k.contype IN ('p', 'u', 'x')), 'relation', c.relkind),
		'', NULL::json, k.coninhcount > 0 AND NOT k.conislocal OR k.conparentid <> 0
	FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE k.contype IN ('c', 'f', 'p', 'u', 'x') AND c.relpersistence <> 't' AND c.oid >= 16384 AND ` + named,
	// indexes
	`SELECT 'index', 'pg_class'::regclass::oid, x.oid, 0, c.oid, n.nspname::text, c.relname::text, x.relname::text,
		json_build_object('definition', pg_get_indexdef(x.oid), 'valid', i.indisvalid::text,
			'tablespace', (SELECT quote_ident(s.spcname) FROM pg_tablespace s WHERE s.oid = x.reltablespace),
			'statistics', (SELECT string_agg(a.attnum || ' ' || a.attstattarget, chr(10) ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = x.oid AND a.attstattarget >= 0)),
		json_build_object('shape', regexp_replace(pg_get_indexdef(x.oid), '^(CREATE (?:UNIQUE )?INDEX )("(?:[^"]|"")+"|\S+)', '\1'), 'relation', c.relkind, 'unique', i.indisunique,
			'clustered', i.indisclustered), '', NULL::json, false
	FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE NOT x.relispartition AND c.relkind IN ('r', 'p', 'm') AND c.relpersistence <> 't' AND c.oid >= 16384 AND ` + named + `
		AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = x.oid AND k.contype IN ('p', 'u', 'x'))`,
	// extended statistics
	`SELECT 'statistics', 'pg_statistic_ext'::regclass::oid, s.oid, 0, c.oid, n.nspname::text, '', s.stxname::text,
		json_build_object('definition', pg_get_statisticsobjdef(s.oid), 'target', nullif(to_jsonb(s)->>'stxstattarget', '-1')),
		json_build_object('shape', substr(pg_get_statisticsobjdef(s.oid), length(format('CREATE STATISTICS %I.%I', n.nspname, s.stxname)) + 1)),
		pg_get_userbyid(s.stxowner)::text, NULL::json, false
	FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace JOIN pg_class c ON c.oid = s.stxrelid WHERE ` + named,
}
