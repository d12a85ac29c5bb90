package postgres

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// catalogFunction is the SQL of a function that reads the catalog as JSON in
// one round trip. With all it reads everything, else what its arguments name:
// relations with all that belongs to them, heads (relations with their columns
// alone), indexes, constraints, types and so on, and with small the classes of
// few objects. Each class is a statement of its own, run only if it is asked
// for: starting one large query costs more than what it reads.
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
	// The catalogs are small when the plans are made and never analyzed.
	small, edges, seqscan := "small", edgesOf, " SET enable_seqscan = off"
	if all {
		small, edges, seqscan = "true", "pg_depend", ""
	}
	sql := placeholder.ReplaceAllStringFunc(catalogSQL, func(p string) string {
		f := strings.Split(strings.Trim(p, "{}"), ":")
		switch {
		case f[0] == "pick":
			return pick(f[1], f[2])
		case f[0] == "space":
			return f[1] + " = ANY(spaces)"
		case f[0] == "any" && all:
			return "true"
		case f[0] == "any":
			return strings.ReplaceAll(f[1], ",", " <> '{}' OR ") + " <> '{}'"
		case all: // member
			return f[1] + " <> ALL (members)"
		}
		return "NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = '" + f[2] + "'::regclass AND x.objid = " + f[1] + " AND x.deptype = 'e')"
	})
	return strings.NewReplacer(
		"{edges}", edges,
		"{schema}", schema, "{name}", name, "{seqscan}", seqscan, "{small}", small, "{all}", strconv.FormatBool(all),
		"{rel}", pick("c.oid", "(rels || heads)"),
		"{idx}", pick("i.indexrelid", "idxs"),
		"{con}", pick("k.oid", "kons"),
		"{typ}", pick("t.oid", "types"), "{fn}", pick("p.oid", "procs"),
		"{trg}", pick("g.oid", "trigs"), "{rule}", pick("w.oid", "rules"), "{pol}", pick("o.oid", "pols"),
		"{stx}", pick("x.oid", "stats"),
		"{compression}", since(major, 14, "CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' ELSE '' END", "''"),
		"{nullsnotdistinct}", since(major, 15, "i.indnullsnotdistinct", "false"),
		"{enforced}", since(major, 18, "k.conenforced", "true"),
		"{sqlbody}", since(major, 14, "pg_get_function_sqlbody(p.oid)", "NULL"),
		"{pubschemas}", since(major, 15, "(SELECT json_agg(pnnspid ORDER BY pnnspid) FROM pg_publication_namespace WHERE pnpubid = b.oid)", "NULL"),
		"{pubcols}", since(major, 15, "array_to_json(prattrs::int2[])", "NULL"),
		"{pubwhere}", since(major, 15, "pg_get_expr(prqual, prrelid)", "''"),
	).Replace(sql)
}

var placeholder = regexp.MustCompile(`\{(space|any|member|pick):[^}]+\}`)

func since(major, from int, then, otherwise string) string {
	if major >= from {
		return then
	}
	return otherwise
}

// notExtension leaves out members of an extension: OIDs of all catalogs come
// from one counter, so one list does. Few objects are asked for one by one.
func notExtension(oid, catalog string) string {
	return fmt.Sprintf("{member:%s:%s}", oid, catalog)
}

// columnsOf is the live columns of a pg_class row as JSON.
func columnsOf(rel string) string {
	return `(SELECT json_agg(json_build_object('num', a.attnum, 'name', a.attname, 'type', format_type(a.atttypid, a.atttypmod), 'typeoid', a.atttypid,
 'notnull', a.attnotnull, 'default', pg_get_expr(d.adbin, d.adrelid),
 'identity', CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' ELSE '' END,
 'generated', CASE a.attgenerated WHEN 's' THEN 'stored' WHEN 'v' THEN 'virtual' ELSE '' END,
 'collation', CASE WHEN a.attcollation <> 0 AND a.attcollation <> (SELECT y.typcollation FROM pg_type y WHERE y.oid = a.atttypid) THEN (SELECT l.collname FROM pg_collation l WHERE l.oid = a.attcollation) END,
 'storage', CASE a.attstorage WHEN 'p' THEN 'plain' WHEN 'e' THEN 'external' WHEN 'm' THEN 'main' ELSE 'extended' END,
 'compression', {compression}, 'inherited', a.attinhcount > 0) ORDER BY a.attnum)
 FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 WHERE a.attrelid = ` + rel + ` AND a.attnum > 0 AND NOT a.attisdropped)`
}

// edgesOf gives, by an index scan for each, the pg_depend rows of the objects
// that are read again. OFFSET 0 keeps the planner, which has no statistics of a
// database this young, from joining the other way round.
const edgesOf = `(SELECT d.* FROM (
    SELECT 1259::oid, unnest(rels || heads || idxs)
    UNION ALL SELECT 2606::oid, unnest(kons)
    UNION ALL SELECT 2618::oid, unnest(rules)
    UNION ALL SELECT 2604::oid, a.oid FROM pg_attrdef a WHERE a.adrelid = ANY(rels || heads)
    UNION ALL SELECT 2620::oid, unnest(trigs)
    UNION ALL SELECT 3256::oid, unnest(pols)
    UNION ALL SELECT 3381::oid, unnest(stats)
    UNION ALL SELECT 1247::oid, unnest(types)
    UNION ALL SELECT 1255::oid, unnest(procs)
    UNION ALL SELECT 6106::oid, r.oid FROM pg_publication_rel r WHERE small) w(classid, objid),
    LATERAL (SELECT * FROM pg_depend e WHERE e.classid = w.classid AND e.objid = w.objid OFFSET 0) d)`

const enabledWord = ` WHEN 'O' THEN 'origin' WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'replica' ELSE 'always' END`

var catalogSQL = `CREATE OR REPLACE FUNCTION {schema}.{name}(rels oid[], heads oid[], owners oid[], idxs oid[], kons oid[], types oid[], procs oid[], trigs oid[], pols oid[], rules oid[], stats oid[],
  small boolean, foreigners boolean, granted boolean)
RETURNS text LANGUAGE plpgsql VOLATILE
SET search_path = 'pg_catalog', 'pg_temp' SET timezone = 'UTC' SET datestyle = 'ISO, MDY' SET intervalstyle = 'postgres'
SET plan_cache_mode = 'force_generic_plan' SET jit = off SET quote_all_identifiers = off{seqscan}
AS $assay$
DECLARE result text; part json; spaces oid[]; members oid[]; mine oid := pg_my_temp_schema(); since bigint;
BEGIN
  SELECT array_agg(n.oid) INTO spaces FROM pg_namespace n
   WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'assay_recorder') AND (n.nspname !~ '^pg_(toast_)?temp_' OR n.oid = mine);
  IF {all} THEN
    members := ARRAY(SELECT objid FROM pg_depend WHERE refclassid = 3079 AND refobjid >= 16384 AND deptype = 'e');
  END IF;
  IF granted THEN
    -- No event names what a GRANT changes: it is what this transaction wrote.
    since := pg_current_xact_id()::xid::text::bigint;
    heads := heads || ARRAY(SELECT oid FROM pg_class WHERE xmin::text::bigint >= since AND relkind IN ('r', 'p', 'f', 'v', 'm', 'S'))
      || ARRAY(SELECT DISTINCT attrelid FROM pg_attribute WHERE xmin::text::bigint >= since AND attnum > 0);
    procs := procs || ARRAY(SELECT oid FROM pg_proc WHERE xmin::text::bigint >= since);
    types := types || ARRAY(SELECT oid FROM pg_type WHERE xmin::text::bigint >= since);
  END IF;
  IF rels <> '{}' AND NOT {all} THEN
    idxs := idxs || ARRAY(SELECT indexrelid FROM pg_index WHERE indrelid = ANY(rels));
    -- There is an index on conrelid and none on confrelid; a foreign key depends on both.
    kons := kons || CASE WHEN foreigners THEN ARRAY(SELECT DISTINCT objid FROM pg_depend WHERE refclassid = 1259 AND refobjid = ANY(rels) AND classid = 2606)
      ELSE ARRAY(SELECT oid FROM pg_constraint WHERE conrelid = ANY(rels)) END;
    trigs := trigs || ARRAY(SELECT oid FROM pg_trigger WHERE tgrelid = ANY(rels) AND NOT tgisinternal);
    pols := pols || ARRAY(SELECT oid FROM pg_policy WHERE polrelid = ANY(rels));
    rules := rules || ARRAY(SELECT oid FROM pg_rewrite WHERE ev_class = ANY(rels));
    stats := stats || ARRAY(SELECT oid FROM pg_statistic_ext WHERE stxrelid = ANY(rels));
  END IF;
  IF NOT {all} AND (rels <> '{}' OR heads <> '{}') THEN
    types := types || ARRAY(SELECT reltype FROM pg_class WHERE oid = ANY(rels || heads) AND relkind = 'c');
  END IF;
  IF owners <> '{}' THEN
    kons := kons || ARRAY(SELECT oid FROM pg_constraint WHERE conrelid = ANY(owners));
  END IF;
  IF trigs <> '{}' AND NOT {all} THEN
    kons := kons || ARRAY(SELECT tgconstraint FROM pg_trigger WHERE oid = ANY(trigs) AND tgconstraint <> 0);
  END IF;
  IF types <> '{}' AND NOT {all} THEN
    kons := kons || ARRAY(SELECT oid FROM pg_constraint WHERE contypid = ANY(types) AND contypid <> 0);
    heads := heads || ARRAY(SELECT typrelid FROM pg_type WHERE oid = ANY(types) AND typrelid <> 0); -- for the comments of its attributes
  END IF;
  result := json_build_object('rels', rels, 'heads', heads, 'idxs', idxs, 'kons', kons, 'types', types, 'procs', procs,
    'trigs', trigs, 'pols', pols, 'ruleoids', rules, 'stats', stats, 'small', {small})::text;
  result := left(result, -1);
  BEGIN
    IF {small} THEN
      SELECT (SELECT json_agg(json_build_object('oid', n.oid, 'name', CASE WHEN n.oid = mine THEN 'pg_temp' ELSE n.nspname END, 'owner', pg_get_userbyid(n.nspowner),
  'acl', to_json(n.nspacl::text[])))
  FROM pg_namespace n WHERE n.oid = ANY(spaces) AND n.oid <> mine AND ` + notExtension("n.oid", "pg_namespace") + `) INTO part;
      result := result || ',"schemas":' || coalesce(part::text, 'null');
    END IF;
    IF {small} THEN
      SELECT (SELECT json_agg(json_build_object('oid', e.oid, 'name', e.extname, 'version', e.extversion, 'schema', n.nspname))
  FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace) INTO part;
      result := result || ',"extensions":' || coalesce(part::text, 'null');
    END IF;
    IF {small} THEN
      SELECT (SELECT json_agg(json_build_object('oid', b.oid, 'name', b.pubname, 'alltables', b.puballtables, 'schemas', {pubschemas},
  'publishes', array_remove(ARRAY[CASE WHEN b.pubinsert THEN 'insert' END, CASE WHEN b.pubupdate THEN 'update' END, CASE WHEN b.pubdelete THEN 'delete' END, CASE WHEN b.pubtruncate THEN 'truncate' END], NULL),
  'tables', (SELECT json_agg(json_build_object('table', prrelid, 'columns', {pubcols}, 'where', {pubwhere}) ORDER BY prrelid) FROM pg_publication_rel WHERE prpubid = b.oid)))
  FROM pg_publication b) INTO part;
      result := result || ',"publications":' || coalesce(part::text, 'null');
    END IF;
    IF {small} THEN
      SELECT (SELECT json_agg(json_build_object('oid', v.oid, 'name', v.evtname, 'event', v.evtevent, 'function', v.evtfoid, 'enabled', CASE v.evtenabled` + enabledWord + `))
  FROM pg_event_trigger v WHERE v.evtname NOT LIKE 'assay\_recorder\_%') INTO part;
      result := result || ',"eventtriggers":' || coalesce(part::text, 'null');
    END IF;
    IF {any:rels,heads} THEN
      SELECT (SELECT json_agg(json_build_object('oid', c.oid, 'schema', CASE WHEN n.oid = mine THEN 'pg_temp' ELSE n.nspname END, 'name', c.relname,
  'kind', CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'f' THEN 'foreign table' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' ELSE 'sequence' END,
  'persistence', CASE c.relpersistence WHEN 'p' THEN 'permanent' WHEN 'u' THEN 'unlogged' ELSE 'temporary' END, 'owner', pg_get_userbyid(c.relowner),
  'columns', ` + columnsOf("c.oid") + `,
  'options', to_json(c.reloptions), 'rowsecurity', c.relrowsecurity, 'forcerowsecurity', c.relforcerowsecurity,
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
  'tsoid', c.reltablespace, 'amoid', c.relam,
  'filenode', c.relfilenode, 'toastfilenode', coalesce((SELECT s.relfilenode FROM pg_class s WHERE s.oid = c.reltoastrelid), 0),
  'acl', to_json(c.relacl::text[]),
  'droppedattributes', (SELECT count(*) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND a.attisdropped)))
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {rel} AND {space:c.relnamespace} AND c.relkind IN ('r', 'p', 'f', 'v', 'm', 'S') AND ` + notExtension("c.oid", "pg_class") + `) INTO part;
      result := result || ',"relations":' || coalesce(part::text, 'null');
    END IF;
    IF {any:idxs} THEN
      SELECT (SELECT json_agg(json_build_object('oid', i.indexrelid, 'table', i.indrelid, 'schema', CASE WHEN n.oid = mine THEN 'pg_temp' ELSE n.nspname END, 'name', c.relname, 'amoid', c.relam,
  'unique', i.indisunique, 'primary', i.indisprimary, 'exclusion', i.indisexclusion, 'valid', i.indisvalid, 'ready', i.indisready, 'nullsnotdistinct', {nullsnotdistinct},
  'keys', (SELECT json_agg(json_build_object('column', i.indkey[k - 1], 'text', pg_get_indexdef(i.indexrelid, k, true),
     'collation', (SELECT l.collname FROM pg_collation l WHERE l.oid = i.indcollation[k - 1] AND l.oid <> coalesce((SELECT a.attcollation FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attnum = i.indkey[k - 1]), 100)),
     'opclass', (SELECT q.opcname FROM pg_opclass q WHERE q.oid = i.indclass[k - 1] AND NOT q.opcdefault),
     'descending', i.indoption[k - 1] & 1 = 1, 'nullsfirst', i.indoption[k - 1] & 2 = 2) ORDER BY k) FROM generate_series(1, i.indnkeyatts) k),
  'include', (SELECT json_agg(pg_get_indexdef(i.indexrelid, k, true) ORDER BY k) FROM generate_series(i.indnkeyatts + 1, i.indnatts) k),
  'predicate', pg_get_expr(i.indpred, i.indrelid), 'definition', pg_get_indexdef(i.indexrelid),
  'constraint', coalesce((SELECT q.oid FROM pg_constraint q WHERE q.conrelid = i.indrelid AND q.conindid = i.indexrelid AND q.contype IN ('p', 'u', 'x') LIMIT 1), 0),
  'parent', coalesce((SELECT inhparent FROM pg_inherits WHERE inhrelid = i.indexrelid LIMIT 1), 0), 'partitioned', c.relkind = 'I', 'replicaidentity', i.indisreplident,
  'options', to_json(c.reloptions), 'tsoid', c.reltablespace,
  'filenode', c.relfilenode))
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE {idx} AND {space:c.relnamespace} AND ` + notExtension("i.indrelid", "pg_class") + `) INTO part;
      result := result || ',"indexes":' || coalesce(part::text, 'null');
    END IF;
    IF {any:kons} THEN
      SELECT (SELECT json_agg(json_build_object('oid', k.oid, 'table', k.conrelid, 'domain', k.contypid, 'schema', CASE WHEN n.oid = mine THEN 'pg_temp' ELSE n.nspname END, 'name', k.conname,
  'kind', CASE k.contype WHEN 'c' THEN 'check' WHEN 'f' THEN 'foreign key' WHEN 'p' THEN 'primary key' WHEN 'u' THEN 'unique' WHEN 'x' THEN 'exclusion' WHEN 'n' THEN 'not null' ELSE 'constraint trigger' END,
  'columns', array_to_json(k.conkey), 'expression', pg_get_expr(k.conbin, k.conrelid), 'raw', md5(regexp_replace(k.conbin::text, ':location -?\d+', '', 'g')),
  'definition', pg_get_constraintdef(k.oid), 'validated', k.convalidated, 'enforced', {enforced}, 'deferrable', k.condeferrable, 'deferred', k.condeferred,
  'index', k.conindid, 'reftable', k.confrelid, 'refcolumns', array_to_json(k.confkey),
  'ondelete', CASE WHEN k.contype = 'f' THEN ` + action("k.confdeltype") + ` END, 'onupdate', CASE WHEN k.contype = 'f' THEN ` + action("k.confupdtype") + ` END,
  'parent', k.conparentid, 'inherited', NOT k.conislocal))
  FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace WHERE {con} AND {space:k.connamespace}
  AND (k.conrelid = 0 OR ` + notExtension("k.conrelid", "pg_class") + `) AND (k.contypid = 0 OR ` + notExtension("k.contypid", "pg_type") + `)) INTO part;
      result := result || ',"constraints":' || coalesce(part::text, 'null');
    END IF;
    IF {any:types} THEN
      SELECT (SELECT json_agg(json_build_object('oid', t.oid, 'schema', CASE WHEN n.oid = mine THEN 'pg_temp' ELSE n.nspname END, 'name', t.typname,
  'kind', CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' WHEN 'c' THEN 'composite' WHEN 'r' THEN 'range' ELSE 'base' END,
  'labels', (SELECT json_agg(enumlabel ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid), 'labeloids', (SELECT json_agg(oid ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid),
  'base', CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) END, 'notnull', t.typnotnull, 'default', t.typdefault,
  'attributes', CASE WHEN t.typtype = 'c' THEN ` + columnsOf("t.typrelid") + ` END, 'relation', t.typrelid,
  'owner', pg_get_userbyid(t.typowner), 'acl', to_json(t.typacl::text[])))
  FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE {typ} AND {space:t.typnamespace} AND t.typtype IN ('e', 'd', 'c', 'r', 'b')
  AND NOT (t.typelem <> 0 AND t.typlen = -1 AND EXISTS (SELECT 1 FROM pg_type el WHERE el.oid = t.typelem AND el.typarray = t.oid))
  AND (t.typrelid = 0 OR (SELECT relkind FROM pg_class WHERE oid = t.typrelid) = 'c') AND ` + notExtension("t.oid", "pg_type") + `) INTO part;
      result := result || ',"typeobjects":' || coalesce(part::text, 'null');
    END IF;
    IF {any:procs} THEN
      SELECT (SELECT json_agg(json_build_object('oid', p.oid, 'schema', CASE WHEN n.oid = mine THEN 'pg_temp' ELSE n.nspname END, 'name', p.proname,
  'kind', CASE p.prokind WHEN 'f' THEN 'function' WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'window' END,
  'arguments', pg_get_function_arguments(p.oid), 'identity', pg_get_function_identity_arguments(p.oid),
  'argtypes', (SELECT json_agg(format_type(x, NULL) ORDER BY o) FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY u(x, o)), 'argnames', to_json(p.proargnames), 'defaults', p.pronargdefaults,
  'returns', pg_get_function_result(p.oid), 'language', (SELECT lanname FROM pg_language l WHERE l.oid = p.prolang),
  'volatility', CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END,
  'parallel', CASE p.proparallel WHEN 's' THEN 'safe' WHEN 'r' THEN 'restricted' ELSE 'unsafe' END,
  'strict', p.proisstrict, 'securitydefiner', p.prosecdef, 'leakproof', p.proleakproof, 'config', to_json(p.proconfig), 'body', coalesce({sqlbody}, p.prosrc),
  'raw', md5(concat_ws('|', p.prolang, p.procost, p.prorows, p.proretset, p.provolatile, p.proparallel, p.prosecdef, p.proleakproof, p.proisstrict, p.prorettype, p.proargtypes::text,
     p.proallargtypes::text, p.proargmodes::text, p.proargnames::text, pg_get_expr(p.proargdefaults, 0), coalesce({sqlbody}, p.prosrc), p.probin, p.proconfig::text)),
  'owner', pg_get_userbyid(p.proowner), 'acl', to_json(p.proacl::text[])))
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE {fn} AND {space:p.pronamespace} AND ` + notExtension("p.oid", "pg_proc") + `) INTO part;
      result := result || ',"functions":' || coalesce(part::text, 'null');
    END IF;
    IF {any:trigs} THEN
      SELECT (SELECT json_agg(json_build_object('oid', g.oid, 'table', g.tgrelid, 'name', g.tgname, 'function', g.tgfoid, 'definition', pg_get_triggerdef(g.oid),
  'raw', md5(concat_ws('|', g.tgfoid, g.tgtype, g.tgattr::text, encode(g.tgargs, 'hex'), regexp_replace(g.tgqual::text, ':location -?\d+', '', 'g'), g.tgdeferrable, g.tginitdeferred, g.tgoldtable, g.tgnewtable)),
  'enabled', CASE g.tgenabled` + enabledWord + `, 'parent', g.tgparentid))
  FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid WHERE {trg} AND NOT g.tgisinternal AND {space:c.relnamespace}) INTO part;
      result := result || ',"triggers":' || coalesce(part::text, 'null');
    END IF;
    IF {any:rules} THEN
      SELECT (SELECT json_agg(json_build_object('oid', w.oid, 'table', w.ev_class, 'name', w.rulename, 'definition', pg_get_ruledef(w.oid),
  'raw', md5(regexp_replace(w.ev_action::text || w.ev_qual::text, ':(location|stmt_location|stmt_len) -?\d+', '', 'g')), 'enabled', CASE w.ev_enabled` + enabledWord + `))
  FROM pg_rewrite w JOIN pg_class c ON c.oid = w.ev_class WHERE {rule} AND w.rulename <> '_RETURN' AND {space:c.relnamespace} AND ` + notExtension("w.oid", "pg_rewrite") + `) INTO part;
      result := result || ',"rules":' || coalesce(part::text, 'null');
    END IF;
    IF {any:pols} THEN
      SELECT (SELECT json_agg(json_build_object('oid', o.oid, 'table', o.polrelid, 'name', o.polname,
  'command', CASE o.polcmd WHEN 'r' THEN 'select' WHEN 'a' THEN 'insert' WHEN 'w' THEN 'update' WHEN 'd' THEN 'delete' ELSE 'all' END, 'permissive', o.polpermissive,
  'roles', (SELECT json_agg(coalesce(l.rolname, 'public') ORDER BY l.rolname) FROM unnest(o.polroles) x LEFT JOIN pg_roles l ON l.oid = x),
  'using', pg_get_expr(o.polqual, o.polrelid), 'withcheck', pg_get_expr(o.polwithcheck, o.polrelid),
  'raw', md5(regexp_replace(concat_ws('|', o.polqual::text, o.polwithcheck::text), ':location -?\d+', '', 'g'))))
  FROM pg_policy o JOIN pg_class c ON c.oid = o.polrelid WHERE {pol} AND {space:c.relnamespace}) INTO part;
      result := result || ',"policies":' || coalesce(part::text, 'null');
    END IF;
    IF {any:stats} THEN
      SELECT (SELECT json_agg(json_build_object('oid', x.oid, 'table', x.stxrelid, 'schema', n.nspname, 'name', x.stxname, 'definition', pg_get_statisticsobjdef(x.oid)))
  FROM pg_statistic_ext x JOIN pg_namespace n ON n.oid = x.stxnamespace WHERE {stx} AND {space:x.stxnamespace}) INTO part;
      result := result || ',"statistics":' || coalesce(part::text, 'null');
    END IF;
    IF {any:rels,heads,idxs,kons,types,procs,trigs,pols} OR {small} THEN
      SELECT (SELECT json_agg(json_build_array(x.classoid, x.objoid, x.objsubid, x.description)) FROM pg_description x
        WHERE {pick:x.objoid:(rels || heads || idxs || kons || types || procs || trigs || pols || CASE WHEN small THEN spaces END)} AND x.objoid >= 2200) INTO part;
      result := result || ',"comments":' || coalesce(part::text, 'null');
    END IF;
    IF {any:rels,heads} THEN
      SELECT (SELECT json_agg(json_build_array(a.attrelid, a.attnum, a.attacl::text[])) FROM pg_attribute a
        WHERE {pick:a.attrelid:(rels || heads)} AND a.attrelid >= 16384 AND a.attacl IS NOT NULL) INTO part;
      result := result || ',"columnacls":' || coalesce(part::text, 'null');
    END IF;
    IF {any:rels,heads,idxs,kons,types,procs,trigs,pols,rules,stats} OR {small} THEN
      SELECT (SELECT json_agg(json_build_array(d.classid, d.objid, d.objsubid, d.refclassid, d.refobjid, d.refobjsubid, ascii(d.deptype::text),
      CASE d.classid WHEN 2618 THEN (SELECT CASE WHEN rulename = '_RETURN' THEN ev_class ELSE 0 END FROM pg_rewrite WHERE oid = d.objid)
                     WHEN 2604 THEN (SELECT adrelid FROM pg_attrdef WHERE oid = d.objid)
                     WHEN 6106 THEN (SELECT prpubid FROM pg_publication_rel WHERE oid = d.objid) ELSE 0 END,
      CASE d.classid WHEN 2604 THEN (SELECT adnum FROM pg_attrdef WHERE oid = d.objid) ELSE 0 END,
      CASE d.refclassid WHEN 1247 THEN (SELECT CASE WHEN c.relkind <> 'c' THEN c.oid ELSE 0 END FROM pg_type t LEFT JOIN pg_type el ON el.oid = t.typelem AND el.typarray = t.oid
        JOIN pg_class c ON c.oid = coalesce(nullif(t.typrelid, 0), el.typrelid) WHERE t.oid = d.refobjid) ELSE 0 END,
      CASE d.refclassid WHEN 1247 THEN (SELECT el.oid FROM pg_type t JOIN pg_type el ON el.oid = t.typelem AND el.typarray = t.oid WHERE t.oid = d.refobjid) ELSE 0 END))
  FROM {edges} d WHERE d.refobjid >= 16384 AND d.deptype <> 'e' AND d.refclassid IN (1259, 1247, 1255, 2606, 2615, 3079, 2620, 2618, 6104)) INTO part;
      result := result || ',"depends":' || coalesce(part::text, 'null');
    END IF;
    RAISE EXCEPTION 'release' USING ERRCODE = 'AS000';
  EXCEPTION WHEN SQLSTATE 'AS000' THEN NULL;
  END;
  RETURN result || '}';
END $assay$`

func action(col string) string {
	return "CASE " + col + " WHEN 'r' THEN 'restrict' WHEN 'c' THEN 'cascade' WHEN 'n' THEN 'set null' WHEN 'd' THEN 'set default' ELSE 'no action' END"
}

// probeFunction reads the backend's own relation locks, what its transaction
// scanned and wrote in those relations, and where they are stored: the canary
// in the first line, then a line for each lock. What the relations are is asked
// only of those that the catalog does not know: strangersSQL.
//
// The counters of pg_stat_xact_* run on from one transaction to the next until
// the server reports them, which it does when it likes. The canary tells: it is
// a catalog that nobody else scans, scanned once by each probe, so a count below
// the number of probes means that the counters began anew.
//
// With everything it reads the counters of every table instead: what earlier
// work of the session, which nobody looked at, has left in them.
const probeFunction = `CREATE OR REPLACE FUNCTION {schema}.assay_recorder_probe(everything boolean) RETURNS text LANGUAGE plpgsql VOLATILE AS $assay$
DECLARE canary bigint; result text;
BEGIN
  canary := pg_catalog.pg_stat_get_xact_numscans(3576::oid) OPERATOR(pg_catalog.+) pg_catalog.pg_stat_get_xact_numscans(3574::oid) OPERATOR(pg_catalog.+) pg_catalog.pg_stat_get_xact_numscans(3575::oid);
  PERFORM pg_catalog.count(*) FROM pg_catalog.pg_transform;
  IF everything THEN
    SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', c.oid, 'none', 0, pg_catalog.pg_stat_get_xact_numscans(c.oid),
      pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid), pg_catalog.pg_stat_get_xact_tuples_updated(c.oid), pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid)), E'\n') INTO result
    FROM pg_catalog.pg_class c WHERE c.relkind::pg_catalog.text = ANY('{r,m}') AND c.oid >= '16384'::pg_catalog.oid;
  ELSE
    SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', l.relation, l.mode, coalesce(pg_catalog.pg_relation_filenode(l.relation), 0), pg_catalog.pg_stat_get_xact_numscans(l.relation),
      pg_catalog.pg_stat_get_xact_tuples_inserted(l.relation), pg_catalog.pg_stat_get_xact_tuples_updated(l.relation), pg_catalog.pg_stat_get_xact_tuples_deleted(l.relation)), E'\n') INTO result
    FROM pg_catalog.pg_lock_status() l WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation' AND l.relation >= '16384'::pg_catalog.oid;
  END IF;
  RETURN pg_catalog.concat_ws(E'\n', canary, result);
END $assay$`

// outsideSQL reads the locks of a backend from another one. It counts locks
// that are waited for as taken: they are about to be.
const outsideSQL = `SELECT pg_catalog.concat_ws(E'\n', 0, pg_catalog.string_agg(pg_catalog.concat_ws(' ', l.relation, l.mode, coalesce(pg_catalog.pg_relation_filenode(l.relation), 0), 0, 0, 0, 0), E'\n'))
FROM pg_catalog.pg_locks l WHERE l.pid = %d AND l.locktype = 'relation' AND l.relation >= 16384`

// strangersSQL tells of locked relations that are not in the catalog: toast
// tables, what extensions own, what the statement has just made.
const strangersSQL = `SELECT pg_catalog.json_agg(pg_catalog.json_build_array(c.oid, c.relkind, n.nspname, c.relname, i.indrelid))
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid WHERE c.oid = ANY('{%s}')`
