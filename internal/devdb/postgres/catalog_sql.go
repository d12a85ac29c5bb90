package postgres

import (
	"fmt"
	"strings"
)

// catalogFunction is the SQL of a function that reads the catalog as JSON in
// one round trip. With all it reads everything, else what its arguments name:
// relations (an index stands for its table), types, functions, constraints,
// triggers, policies, rules, and with small the classes of few objects.
//
// The read happens in a subtransaction that is rolled back: pg_get_viewdef and
// its like lock what they describe until the end of the (sub)transaction, and
// the recorder must not be seen holding locks. The settings are pinned so that
// the migration's own search_path and TimeZone do not change how things print.
func catalogFunction(schema, name string, major int, all bool) string {
	pick := func(expr, set string) string {
		if all {
			return "true"
		}
		return expr + " = ANY(" + set + ")"
	}
	small := "small"
	if all {
		small = "true"
	}
	edges := edgesOf
	if all {
		edges = "pg_depend"
	}
	r := strings.NewReplacer(
		"{edges}", edges,
		"{schema}", schema, "{name}", name, "{small}", small,
		"{rel}", pick("c.oid", "rels"),
		"{idx}", pick("i.indrelid", "rels"),
		"{con}", pick("k.oid", "kons"),
		"{typ}", pick("t.oid", "types"), "{fn}", pick("p.oid", "procs"),
		"{trg}", pick("g.tgrelid", "rels"), "{rule}", pick("w.ev_class", "rels"), "{pol}", pick("o.polrelid", "rels"),
		"{stx}", pick("x.stxrelid", "rels"),
		"{compression}", since(major, 14, "CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' ELSE '' END", "''"),
		"{nullsnotdistinct}", since(major, 15, "i.indnullsnotdistinct", "false"),
		"{enforced}", since(major, 18, "k.conenforced", "true"),
		"{sqlbody}", since(major, 14, "pg_get_function_sqlbody(p.oid)", "NULL"),
		"{pubschemas}", since(major, 15, "(SELECT json_agg(pnnspid ORDER BY pnnspid) FROM pg_publication_namespace WHERE pnpubid = b.oid)", "NULL"),
		"{pubcols}", since(major, 15, "array_to_json(prattrs::int2[])", "NULL"),
		"{pubwhere}", since(major, 15, "pg_get_expr(prqual, prrelid)", "''"),
	)
	return r.Replace(catalogSQL)
}

func since(major, from int, then, otherwise string) string {
	if major >= from {
		return then
	}
	return otherwise
}

// acl is an access control list as JSON, the owner's own entries left out.
func acl(list, owner string) string {
	return fmt.Sprintf(`(SELECT json_agg(json_build_object('grantee', coalesce(gr.rolname, 'public'), 'privilege', e.privilege_type,
 'grantable', e.is_grantable, 'grantor', gt.rolname) ORDER BY gr.rolname, e.privilege_type, gt.rolname)
 FROM aclexplode(%s) e LEFT JOIN pg_roles gr ON gr.oid = e.grantee LEFT JOIN pg_roles gt ON gt.oid = e.grantor WHERE e.grantee <> %s)`, list, owner)
}

// notExtension leaves out members of an extension. OIDs of all catalogs come
// from one counter, so one list does.
func notExtension(oid string) string { return oid + " <> ALL (members)" }

// columnsOf is the live columns of a pg_class row as JSON.
func columnsOf(rel, owner string) string {
	return `(SELECT json_agg(json_build_object('num', a.attnum, 'name', a.attname, 'type', format_type(a.atttypid, a.atttypmod), 'typeoid', a.atttypid,
 'notnull', a.attnotnull, 'default', pg_get_expr(d.adbin, d.adrelid),
 'identity', CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' ELSE '' END,
 'generated', CASE a.attgenerated WHEN 's' THEN 'stored' WHEN 'v' THEN 'virtual' ELSE '' END,
 'collation', (SELECT l.collname FROM pg_collation l, pg_type y WHERE y.oid = a.atttypid AND l.oid = a.attcollation AND y.typcollation <> a.attcollation),
 'storage', CASE a.attstorage WHEN 'p' THEN 'plain' WHEN 'e' THEN 'external' WHEN 'm' THEN 'main' ELSE 'extended' END,
 'compression', {compression}, 'inherited', a.attinhcount > 0, 'comment', col_description(a.attrelid, a.attnum),
 'acl', CASE WHEN a.attacl IS NOT NULL THEN ` + acl("a.attacl", owner) + ` END) ORDER BY a.attnum)
 FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 WHERE a.attrelid = ` + rel + ` AND a.attnum > 0 AND NOT a.attisdropped)`
}

// edgesOf gives, by an index scan for each, the pg_depend rows of the objects
// that are read again. OFFSET 0 keeps the planner, which has no statistics of a
// database this young, from joining the other way round.
const edgesOf = `(SELECT d.* FROM (
    SELECT 1259::oid, c.oid FROM pg_class c WHERE c.oid = ANY(rels)
    UNION ALL SELECT 1259::oid, i.indexrelid FROM pg_index i WHERE i.indrelid = ANY(rels)
    UNION ALL SELECT 2606::oid, k FROM unnest(kons) k
    UNION ALL SELECT 2618::oid, w.oid FROM pg_rewrite w WHERE w.ev_class = ANY(rels)
    UNION ALL SELECT 2604::oid, a.oid FROM pg_attrdef a WHERE a.adrelid = ANY(rels)
    UNION ALL SELECT 2620::oid, g.oid FROM pg_trigger g WHERE g.tgrelid = ANY(rels) AND NOT g.tgisinternal
    UNION ALL SELECT 3256::oid, o.oid FROM pg_policy o WHERE o.polrelid = ANY(rels)
    UNION ALL SELECT 3381::oid, x.oid FROM pg_statistic_ext x WHERE x.stxrelid = ANY(rels)
    UNION ALL SELECT 1247::oid, t FROM unnest(types) t
    UNION ALL SELECT 1255::oid, p FROM unnest(procs) p
    UNION ALL SELECT 6106::oid, r.oid FROM pg_publication_rel r WHERE small) w(classid, objid),
    LATERAL (SELECT * FROM pg_depend e WHERE e.classid = w.classid AND e.objid = w.objid OFFSET 0) d)`

const enabledWord = ` WHEN 'O' THEN 'origin' WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'replica' ELSE 'always' END`

var catalogSQL = `CREATE OR REPLACE FUNCTION {schema}.{name}(rels oid[], types oid[], procs oid[], cons oid[], trigs oid[], pols oid[], rules oid[], small boolean)
RETURNS text LANGUAGE plpgsql VOLATILE
SET search_path = 'pg_catalog', 'pg_temp' SET timezone = 'UTC' SET datestyle = 'ISO, MDY' SET intervalstyle = 'postgres'
SET plan_cache_mode = 'force_generic_plan' SET jit = off SET quote_all_identifiers = off SET enable_seqscan = on SET row_security = off
AS $assay$
DECLARE result text; spaces oid[]; members oid[]; kons oid[]; mine oid := pg_my_temp_schema();
BEGIN
  SELECT array_agg(n.oid) INTO spaces FROM pg_namespace n
   WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'assay_recorder') AND (n.nspname !~ '^pg_(toast_)?temp_' OR n.oid = mine);
  members := ARRAY(SELECT objid FROM pg_depend WHERE refclassid = 3079 AND refobjid >= 16384 AND deptype = 'e');
  rels := rels || ARRAY(SELECT indrelid FROM pg_index WHERE indexrelid = ANY(rels)) || ARRAY(SELECT conrelid FROM pg_constraint WHERE oid = ANY(cons))
    || ARRAY(SELECT tgrelid FROM pg_trigger WHERE oid = ANY(trigs)) || ARRAY(SELECT polrelid FROM pg_policy WHERE oid = ANY(pols))
    || ARRAY(SELECT ev_class FROM pg_rewrite WHERE oid = ANY(rules));
  rels := ARRAY(WITH RECURSIVE down(oid) AS (SELECT unnest(rels) UNION SELECT inhrelid FROM pg_inherits JOIN down ON inhparent = down.oid) SELECT DISTINCT down.oid FROM down);
  types := types || ARRAY(SELECT reltype FROM pg_class WHERE oid = ANY(rels) AND relkind = 'c') || ARRAY(SELECT contypid FROM pg_constraint WHERE oid = ANY(cons) AND contypid <> 0);
  -- A constraint depends on its table or domain and, as a foreign key, on the
  -- table it references; there is an index for this, and none for confrelid.
  kons := ARRAY(SELECT DISTINCT objid FROM pg_depend WHERE refclassid = 1259 AND refobjid = ANY(rels) AND classid = 2606)
    || ARRAY(SELECT oid FROM pg_constraint WHERE contypid = ANY(types) AND contypid <> 0 AND types <> '{}');
  BEGIN
    SELECT json_build_object('rels', to_json(rels), 'types', to_json(types), 'procs', to_json(procs), 'small', {small},
'schemas', CASE WHEN {small} THEN (SELECT json_agg(json_build_object('oid', n.oid, 'name', CASE WHEN n.oid = mine THEN 'pg_temp' ELSE n.nspname END, 'owner', pg_get_userbyid(n.nspowner),
  'comment', obj_description(n.oid, 'pg_namespace'), 'acl', ` + acl("coalesce(n.nspacl, acldefault('n', n.nspowner))", "n.nspowner") + `))
  FROM pg_namespace n WHERE n.oid = ANY(spaces) AND n.oid <> mine AND ` + notExtension("n.oid") + `) END,
'extensions', CASE WHEN {small} THEN (SELECT json_agg(json_build_object('oid', e.oid, 'name', e.extname, 'version', e.extversion, 'schema', n.nspname))
  FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace) END,
'publications', CASE WHEN {small} THEN (SELECT json_agg(json_build_object('oid', b.oid, 'name', b.pubname, 'alltables', b.puballtables, 'schemas', {pubschemas},
  'publishes', array_remove(ARRAY[CASE WHEN b.pubinsert THEN 'insert' END, CASE WHEN b.pubupdate THEN 'update' END, CASE WHEN b.pubdelete THEN 'delete' END, CASE WHEN b.pubtruncate THEN 'truncate' END], NULL),
  'tables', (SELECT json_agg(json_build_object('table', prrelid, 'columns', {pubcols}, 'where', {pubwhere}) ORDER BY prrelid) FROM pg_publication_rel WHERE prpubid = b.oid)))
  FROM pg_publication b) END,
'eventtriggers', CASE WHEN {small} THEN (SELECT json_agg(json_build_object('oid', v.oid, 'name', v.evtname, 'event', v.evtevent, 'function', v.evtfoid, 'enabled', CASE v.evtenabled` + enabledWord + `))
  FROM pg_event_trigger v WHERE v.evtname NOT LIKE 'assay\_recorder\_%') END,
'relations', (SELECT json_agg(json_build_object('oid', c.oid, 'schema', CASE WHEN n.oid = mine THEN 'pg_temp' ELSE n.nspname END, 'name', c.relname,
  'kind', CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'f' THEN 'foreign table' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' ELSE 'sequence' END,
  'persistence', CASE c.relpersistence WHEN 'p' THEN 'permanent' WHEN 'u' THEN 'unlogged' ELSE 'temporary' END, 'owner', pg_get_userbyid(c.relowner),
  'columns', ` + columnsOf("c.oid", "c.relowner") + `,
  'options', (SELECT json_agg(x ORDER BY x) FROM unnest(c.reloptions) x), 'rowsecurity', c.relrowsecurity, 'forcerowsecurity', c.relforcerowsecurity,
  'replicaidentity', CASE c.relreplident WHEN 'd' THEN 'default' WHEN 'f' THEN 'full' WHEN 'i' THEN 'index' ELSE 'nothing' END,
  'partitionkey', CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END,
  'partitioncolumns', CASE WHEN c.relkind = 'p' THEN (SELECT array_to_json(partattrs::int2[]) FROM pg_partitioned_table WHERE partrelid = c.oid) END,
  'partitionof', CASE WHEN c.relispartition THEN (SELECT inhparent FROM pg_inherits WHERE inhrelid = c.oid LIMIT 1) ELSE 0 END,
  'partitionbound', pg_get_expr(c.relpartbound, c.oid),
  'inherits', CASE WHEN NOT c.relispartition THEN (SELECT json_agg(inhparent ORDER BY inhseqno) FROM pg_inherits WHERE inhrelid = c.oid) END,
  'oftype', c.reloftype, 'populated', c.relkind = 'm' AND c.relispopulated,
  'definition', CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END,
  'raw', CASE WHEN c.relkind IN ('v', 'm') THEN (SELECT md5(regexp_replace(ev_action::text, ':(location|stmt_location|stmt_len) -?\d+', '', 'g')) FROM pg_rewrite WHERE ev_class = c.oid AND rulename = '_RETURN') END,
  'sequence', CASE WHEN c.relkind = 'S' THEN (SELECT json_build_object('type', format_type(seqtypid, NULL), 'start', seqstart, 'increment', seqincrement, 'min', seqmin, 'max', seqmax, 'cycle', seqcycle, 'cache', seqcache) FROM pg_sequence WHERE seqrelid = c.oid) END,
  'ownedby', CASE WHEN c.relkind = 'S' THEN (SELECT json_build_object('class', 'relation', 'oid', d.refobjid, 'sub', d.refobjsubid) FROM pg_depend d WHERE d.classid = 1259 AND d.objid = c.oid AND d.refclassid = 1259 AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0 LIMIT 1) END,
  'tablespace', (SELECT spcname FROM pg_tablespace s WHERE s.oid = c.reltablespace), 'accessmethod', (SELECT amname FROM pg_am m WHERE m.oid = c.relam),
  'filenode', c.relfilenode, 'toastfilenode', coalesce((SELECT s.relfilenode FROM pg_class s WHERE s.oid = c.reltoastrelid), 0),
  'comment', obj_description(c.oid, 'pg_class'), 'acl', CASE WHEN c.relacl IS NOT NULL THEN ` + acl("c.relacl", "c.relowner") + ` END,
  'droppedattributes', (SELECT count(*) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND a.attisdropped)))
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {rel} AND c.relnamespace = ANY(spaces) AND c.relkind IN ('r', 'p', 'f', 'v', 'm', 'S') AND ` + notExtension("c.oid") + `),
'indexes', (SELECT json_agg(json_build_object('oid', i.indexrelid, 'table', i.indrelid, 'schema', CASE WHEN n.oid = mine THEN 'pg_temp' ELSE n.nspname END, 'name', c.relname, 'method', m.amname,
  'unique', i.indisunique, 'primary', i.indisprimary, 'exclusion', i.indisexclusion, 'valid', i.indisvalid, 'ready', i.indisready, 'nullsnotdistinct', {nullsnotdistinct},
  'keys', (SELECT json_agg(json_build_object('column', i.indkey[k - 1], 'text', pg_get_indexdef(i.indexrelid, k, true),
     'collation', (SELECT l.collname FROM pg_collation l WHERE l.oid = i.indcollation[k - 1] AND l.oid <> coalesce((SELECT a.attcollation FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attnum = i.indkey[k - 1]), 100)),
     'opclass', (SELECT q.opcname FROM pg_opclass q WHERE q.oid = i.indclass[k - 1] AND NOT q.opcdefault),
     'descending', i.indoption[k - 1] & 1 = 1, 'nullsfirst', i.indoption[k - 1] & 2 = 2) ORDER BY k) FROM generate_series(1, i.indnkeyatts) k),
  'include', (SELECT json_agg(pg_get_indexdef(i.indexrelid, k, true) ORDER BY k) FROM generate_series(i.indnkeyatts + 1, i.indnatts) k),
  'predicate', pg_get_expr(i.indpred, i.indrelid), 'definition', pg_get_indexdef(i.indexrelid),
  'constraint', coalesce((SELECT d.refobjid FROM pg_depend d WHERE d.classid = 1259 AND d.objid = i.indexrelid AND d.refclassid = 2606 AND d.deptype = 'i' LIMIT 1), 0),
  'parent', coalesce((SELECT inhparent FROM pg_inherits WHERE inhrelid = i.indexrelid LIMIT 1), 0), 'partitioned', c.relkind = 'I', 'replicaidentity', i.indisreplident,
  'options', (SELECT json_agg(x ORDER BY x) FROM unnest(c.reloptions) x), 'tablespace', (SELECT spcname FROM pg_tablespace s WHERE s.oid = c.reltablespace),
  'filenode', c.relfilenode, 'comment', obj_description(c.oid, 'pg_class')))
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_am m ON m.oid = c.relam
  WHERE {idx} AND c.relnamespace = ANY(spaces) AND ` + notExtension("i.indrelid") + `),
'constraints', (SELECT json_agg(json_build_object('oid', k.oid, 'table', k.conrelid, 'domain', k.contypid, 'schema', CASE WHEN n.oid = mine THEN 'pg_temp' ELSE n.nspname END, 'name', k.conname,
  'kind', CASE k.contype WHEN 'c' THEN 'check' WHEN 'f' THEN 'foreign key' WHEN 'p' THEN 'primary key' WHEN 'u' THEN 'unique' WHEN 'x' THEN 'exclusion' WHEN 'n' THEN 'not null' ELSE 'constraint trigger' END,
  'columns', array_to_json(k.conkey), 'expression', pg_get_expr(k.conbin, k.conrelid), 'raw', md5(regexp_replace(k.conbin::text, ':location -?\d+', '', 'g')),
  'definition', pg_get_constraintdef(k.oid), 'validated', k.convalidated, 'enforced', {enforced}, 'deferrable', k.condeferrable, 'deferred', k.condeferred,
  'index', k.conindid, 'reftable', k.confrelid, 'refcolumns', array_to_json(k.confkey),
  'ondelete', CASE WHEN k.contype = 'f' THEN ` + action("k.confdeltype") + ` END, 'onupdate', CASE WHEN k.contype = 'f' THEN ` + action("k.confupdtype") + ` END,
  'parent', k.conparentid, 'inherited', NOT k.conislocal, 'comment', obj_description(k.oid, 'pg_constraint')))
  FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace WHERE {con} AND k.connamespace = ANY(spaces)
  AND (k.conrelid = 0 OR ` + notExtension("k.conrelid") + `) AND (k.contypid = 0 OR ` + notExtension("k.contypid") + `)),
'typeobjects', (SELECT json_agg(json_build_object('oid', t.oid, 'schema', CASE WHEN n.oid = mine THEN 'pg_temp' ELSE n.nspname END, 'name', t.typname,
  'kind', CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' WHEN 'c' THEN 'composite' WHEN 'r' THEN 'range' ELSE 'base' END,
  'labels', (SELECT json_agg(enumlabel ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid), 'labeloids', (SELECT json_agg(oid ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid),
  'base', CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) END, 'notnull', t.typnotnull, 'default', t.typdefault,
  'attributes', CASE WHEN t.typtype = 'c' THEN ` + columnsOf("t.typrelid", "t.typowner") + ` END, 'relation', t.typrelid,
  'owner', pg_get_userbyid(t.typowner), 'comment', obj_description(t.oid, 'pg_type'), 'acl', ` + acl("coalesce(t.typacl, acldefault('T', t.typowner))", "t.typowner") + `))
  FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE {typ} AND t.typnamespace = ANY(spaces) AND t.typtype IN ('e', 'd', 'c', 'r', 'b')
  AND NOT (t.typelem <> 0 AND t.typlen = -1 AND EXISTS (SELECT 1 FROM pg_type el WHERE el.oid = t.typelem AND el.typarray = t.oid))
  AND (t.typrelid = 0 OR (SELECT relkind FROM pg_class WHERE oid = t.typrelid) = 'c') AND ` + notExtension("t.oid") + `),
'functions', (SELECT json_agg(json_build_object('oid', p.oid, 'schema', CASE WHEN n.oid = mine THEN 'pg_temp' ELSE n.nspname END, 'name', p.proname,
  'kind', CASE p.prokind WHEN 'f' THEN 'function' WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'window' END,
  'arguments', pg_get_function_arguments(p.oid), 'identity', pg_get_function_identity_arguments(p.oid),
  'argtypes', (SELECT json_agg(format_type(x, NULL) ORDER BY o) FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY u(x, o)), 'argnames', to_json(p.proargnames), 'defaults', p.pronargdefaults,
  'returns', pg_get_function_result(p.oid), 'language', (SELECT lanname FROM pg_language l WHERE l.oid = p.prolang),
  'volatility', CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END,
  'parallel', CASE p.proparallel WHEN 's' THEN 'safe' WHEN 'r' THEN 'restricted' ELSE 'unsafe' END,
  'strict', p.proisstrict, 'securitydefiner', p.prosecdef, 'leakproof', p.proleakproof, 'config', to_json(p.proconfig), 'body', coalesce({sqlbody}, p.prosrc),
  'raw', md5(concat_ws('|', p.prolang, p.procost, p.prorows, p.proretset, p.provolatile, p.proparallel, p.prosecdef, p.proleakproof, p.proisstrict, p.prorettype, p.proargtypes::text,
     p.proallargtypes::text, p.proargmodes::text, p.proargnames::text, pg_get_expr(p.proargdefaults, 0), coalesce({sqlbody}, p.prosrc), p.probin, p.proconfig::text)),
  'owner', pg_get_userbyid(p.proowner), 'comment', obj_description(p.oid, 'pg_proc'), 'acl', ` + acl("coalesce(p.proacl, acldefault('f', p.proowner))", "p.proowner") + `))
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE {fn} AND p.pronamespace = ANY(spaces) AND ` + notExtension("p.oid") + `),
'triggers', (SELECT json_agg(json_build_object('oid', g.oid, 'table', g.tgrelid, 'name', g.tgname, 'function', g.tgfoid, 'definition', pg_get_triggerdef(g.oid),
  'raw', md5(concat_ws('|', g.tgfoid, g.tgtype, g.tgattr::text, encode(g.tgargs, 'hex'), regexp_replace(g.tgqual::text, ':location -?\d+', '', 'g'), g.tgdeferrable, g.tginitdeferred, g.tgoldtable, g.tgnewtable)),
  'enabled', CASE g.tgenabled` + enabledWord + `, 'parent', g.tgparentid, 'comment', obj_description(g.oid, 'pg_trigger')))
  FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid WHERE {trg} AND NOT g.tgisinternal AND c.relnamespace = ANY(spaces)),
'rules', (SELECT json_agg(json_build_object('oid', w.oid, 'table', w.ev_class, 'name', w.rulename, 'definition', pg_get_ruledef(w.oid),
  'raw', md5(regexp_replace(w.ev_action::text || w.ev_qual::text, ':(location|stmt_location|stmt_len) -?\d+', '', 'g')), 'enabled', CASE w.ev_enabled` + enabledWord + `))
  FROM pg_rewrite w JOIN pg_class c ON c.oid = w.ev_class WHERE {rule} AND w.rulename <> '_RETURN' AND c.relnamespace = ANY(spaces) AND ` + notExtension("w.oid") + `),
'policies', (SELECT json_agg(json_build_object('oid', o.oid, 'table', o.polrelid, 'name', o.polname,
  'command', CASE o.polcmd WHEN 'r' THEN 'select' WHEN 'a' THEN 'insert' WHEN 'w' THEN 'update' WHEN 'd' THEN 'delete' ELSE 'all' END, 'permissive', o.polpermissive,
  'roles', (SELECT json_agg(coalesce(l.rolname, 'public') ORDER BY l.rolname) FROM unnest(o.polroles) x LEFT JOIN pg_roles l ON l.oid = x),
  'using', pg_get_expr(o.polqual, o.polrelid), 'withcheck', pg_get_expr(o.polwithcheck, o.polrelid),
  'raw', md5(regexp_replace(concat_ws('|', o.polqual::text, o.polwithcheck::text), ':location -?\d+', '', 'g')), 'comment', obj_description(o.oid, 'pg_policy')))
  FROM pg_policy o JOIN pg_class c ON c.oid = o.polrelid WHERE {pol} AND c.relnamespace = ANY(spaces)),
'statistics', (SELECT json_agg(json_build_object('oid', x.oid, 'table', x.stxrelid, 'schema', n.nspname, 'name', x.stxname, 'definition', pg_get_statisticsobjdef(x.oid)))
  FROM pg_statistic_ext x JOIN pg_namespace n ON n.oid = x.stxnamespace WHERE {stx} AND x.stxnamespace = ANY(spaces)),
'depends', (SELECT json_agg(json_build_array(d.classid, d.objid, d.objsubid, d.refclassid, d.refobjid, d.refobjsubid, ascii(d.deptype::text),
      CASE d.classid WHEN 2618 THEN (SELECT CASE WHEN rulename = '_RETURN' THEN ev_class ELSE 0 END FROM pg_rewrite WHERE oid = d.objid)
                     WHEN 2604 THEN (SELECT adrelid FROM pg_attrdef WHERE oid = d.objid)
                     WHEN 6106 THEN (SELECT prpubid FROM pg_publication_rel WHERE oid = d.objid) ELSE 0 END,
      CASE d.classid WHEN 2604 THEN (SELECT adnum FROM pg_attrdef WHERE oid = d.objid) ELSE 0 END,
      CASE d.refclassid WHEN 1247 THEN (SELECT CASE WHEN c.relkind <> 'c' THEN c.oid ELSE 0 END FROM pg_type t LEFT JOIN pg_type el ON el.oid = t.typelem AND el.typarray = t.oid
        JOIN pg_class c ON c.oid = coalesce(nullif(t.typrelid, 0), el.typrelid) WHERE t.oid = d.refobjid) ELSE 0 END,
      CASE d.refclassid WHEN 1247 THEN (SELECT el.oid FROM pg_type t JOIN pg_type el ON el.oid = t.typelem AND el.typarray = t.oid WHERE t.oid = d.refobjid) ELSE 0 END))
  FROM {edges} d WHERE d.refobjid >= 16384 AND d.deptype <> 'e' AND d.refclassid IN (1259, 1247, 1255, 2606, 2615, 3079, 2620, 2618, 6104))
)::text INTO result;
    RAISE EXCEPTION 'release' USING ERRCODE = 'AS000';
  EXCEPTION WHEN SQLSTATE 'AS000' THEN NULL;
  END;
  RETURN result;
END $assay$`

func action(col string) string {
	return "CASE " + col + " WHEN 'r' THEN 'restrict' WHEN 'c' THEN 'cascade' WHEN 'n' THEN 'set null' WHEN 'd' THEN 'set default' ELSE 'no action' END"
}

// probeFunction reads the backend's own relation locks, what its transaction
// scanned and wrote in those relations, and where they are stored.
//
// The counters of pg_stat_xact_* run on from one transaction to the next until
// the server reports them, which it does when it likes. The canary tells: it is
// a catalog that nobody else scans, scanned once by each probe, so a count other
// than the number of probes means that the counters began anew.
//
// With everything it reads the counters of every table instead: what earlier
// work of the session, which nobody looked at, has left in them.
const probeFunction = `CREATE OR REPLACE FUNCTION {schema}.assay_recorder_probe(everything boolean) RETURNS text LANGUAGE plpgsql VOLATILE AS $assay$
DECLARE canary bigint; locks json;
BEGIN
  canary := pg_catalog.pg_stat_get_xact_numscans(3576::oid) OPERATOR(pg_catalog.+) pg_catalog.pg_stat_get_xact_numscans(3574::oid) OPERATOR(pg_catalog.+) pg_catalog.pg_stat_get_xact_numscans(3575::oid);
  PERFORM pg_catalog.count(*) FROM pg_catalog.pg_transform;
  IF everything THEN
    SELECT pg_catalog.json_agg(pg_catalog.json_build_array(c.oid, '', c.relkind, '', '', 0, 0, pg_catalog.pg_stat_get_xact_numscans(c.oid),
      pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid), pg_catalog.pg_stat_get_xact_tuples_updated(c.oid), pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid))) INTO locks
    FROM pg_catalog.pg_class c WHERE c.relkind::pg_catalog.text = ANY('{r,m}') AND c.oid >= '16384'::pg_catalog.oid;
    RETURN pg_catalog.json_build_object('canary', canary, 'locks', locks)::pg_catalog.text;
  END IF;
  SELECT pg_catalog.json_agg(pg_catalog.json_build_array(l.relation, l.mode, c.relkind, n.nspname, c.relname, i.indrelid, c.relfilenode,
    CASE WHEN c.relkind::pg_catalog.text = ANY('{r,m}') THEN pg_catalog.pg_stat_get_xact_numscans(c.oid) END,
    CASE WHEN c.relkind::pg_catalog.text = 'r' THEN pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid) END,
    CASE WHEN c.relkind::pg_catalog.text = 'r' THEN pg_catalog.pg_stat_get_xact_tuples_updated(c.oid) END,
    CASE WHEN c.relkind::pg_catalog.text = 'r' THEN pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid) END)) INTO locks
  FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_class c ON c.oid = l.relation
    LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = l.relation
  WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation' AND l.relation >= '16384'::pg_catalog.oid;
  RETURN pg_catalog.json_build_object('canary', canary, 'locks', locks)::pg_catalog.text;
END $assay$`
