package postgres

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// catalogFunction is the SQL of a function that reads the catalog in one round
// trip. With all it reads everything, else what its arguments name: relations
// with all that belongs to them, heads (relations with their columns alone),
// indexes, constraints, types and so on, and with small the classes of few
// objects. Each class is a statement of its own, run only if it is asked for:
// starting one large query costs more than what it reads, and every join or
// subquery makes it slower to start. So most classes come as rows of the system
// catalogs, nearly as they are (a letter, then a row each as PostgreSQL prints
// rows), and are put together here; those that seldom change come as JSON, in
// front, with its length.
//
// What belongs to a relation and was not written by this transaction is only
// named, as kept: the catalog has it. Outside a transaction, or with fresh off,
// all is read.
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
	small, seqscan := "small", " SET enable_seqscan = off"
	if all {
		small, seqscan = "true", ""
	}
	sql := placeholder.ReplaceAllStringFunc(catalogSQL, func(p string) string {
		f := strings.Split(strings.Trim(p, "{}"), ":")
		switch {
		case f[0] == "pick":
			return pick(f[1], f[2])
		case f[0] == "space":
			return f[1] + " = ANY(spaces)"
		case f[0] == "ours" && !all:
			return "(" + f[1] + " >= 16384 OR " + f[1] + " = 2200)"
		case f[0] == "ours":
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
		"{edges}", edgesSQL(all), "{belong}", belongSQL(all),
		"{schema}", schema, "{name}", name, "{seqscan}", seqscan, "{small}", small, "{all}", strconv.FormatBool(all),
		"{compression}", since(major, 14, "a.attcompression", "''"),
		"{multirange}", since(major, 14, "r.rngmultitypid::regtype", "NULL"),
		"{nullsnotdistinct}", since(major, 15, "i.indnullsnotdistinct", "false"),
		"{enforced}", since(major, 18, "k.conenforced", "true"),
		"{sqlbody}", since(major, 14, "pg_get_function_sqlbody(p.oid)", "NULL"),
		"{pubschemas}", since(major, 15, "(SELECT json_agg(pnnspid ORDER BY pnnspid) FROM pg_publication_namespace WHERE pnpubid = b.oid)", "NULL"),
		"{pubcols}", since(major, 15, "array_to_json(prattrs::int2[])", "NULL"),
		"{pubwhere}", since(major, 15, "pg_get_expr(prqual, prrelid)", "''"),
	).Replace(sql)
}

var placeholder = regexp.MustCompile(`\{(space|ours|any|member|pick):[^}]+\}`)

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

// belongSQL finds what belongs to the relations that are read whole.
func belongSQL(all bool) string {
	if all {
		return ""
	}
	var b strings.Builder
	b.WriteString("IF rels <> '{}' THEN\n")
	kept := func(list, from, test string) {
		fmt.Fprintf(&b, "    SELECT array_agg(x.oid) FILTER (WHERE %[1]s), array_agg(x.oid) FILTER (WHERE NOT (%[1]s)) INTO written, %[2]s_kept FROM %[3]s;\n    %[2]s := %[2]s || coalesce(written, '{}');\n",
			test, list, from)
	}
	kept("idxs", "(SELECT i.indexrelid AS oid, i.xmin AS a, c.xmin AS b FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = ANY(rels)) x",
		"x.a::text::bigint >= since OR x.b::text::bigint >= since")
	b.WriteString("    IF foreigners THEN\n")
	// There is an index on conrelid and none on confrelid; a foreign key depends on both.
	kept("kons", "pg_constraint x WHERE x.oid IN (SELECT objid FROM pg_depend WHERE refclassid = 1259 AND refobjid = ANY(rels) AND classid = 2606)", "x.xmin::text::bigint >= since")
	b.WriteString("    ELSE\n")
	kept("kons", "pg_constraint x WHERE x.conrelid = ANY(rels)", "x.xmin::text::bigint >= since")
	b.WriteString("    END IF;\n")
	// An index that a constraint takes over (USING INDEX) depends on that from then on, and is not written itself.
	b.WriteString("    idxs := idxs || ARRAY(SELECT x.conindid FROM pg_constraint x WHERE x.oid = ANY(kons) AND x.contype IN ('p', 'u', 'x') AND x.conindid <> ALL (idxs));\n")
	kept("trigs", "pg_trigger x WHERE x.tgrelid = ANY(rels) AND NOT x.tgisinternal", "x.xmin::text::bigint >= since")
	b.WriteString(`    pols := pols || ARRAY(SELECT oid FROM pg_policy WHERE polrelid = ANY(rels));
    rules := rules || ARRAY(SELECT oid FROM pg_rewrite WHERE ev_class = ANY(rels));
    stats := stats || ARRAY(SELECT oid FROM pg_statistic_ext WHERE stxrelid = ANY(rels));
  END IF;`)
	return b.String()
}

// edgesSQL reads the pg_depend rows of the objects that are read again, a
// statement for each catalog that has any.
func edgesSQL(all bool) string {
	// OFFSET 0 keeps the planner, which has no statistics of a database this
	// young, from going by what is depended on.
	const query = `SELECT string_agg(ROW(d.classid, d.objid, d.objsubid, d.refclassid, d.refobjid, d.refobjsubid, d.deptype)::text, '') INTO part
      FROM %s d WHERE d.refobjid >= 16384 AND d.deptype <> 'e' AND d.refclassid = ANY('{1259,1247,1255,2606,2615,3079,2620,2618,6104}');
    result := result || 'Z' || coalesce(part, '');
`
	if all {
		return fmt.Sprintf(query, "pg_depend")
	}
	var b strings.Builder
	for _, c := range [][3]string{
		{"rels <> '{}' OR heads <> '{}' OR idxs <> '{}'", "1259", "rels || heads || idxs"},
		{"kons <> '{}'", "2606", "kons"},
		{"rules <> '{}'", "2618", "rules"},
		{"defs <> '{}'", "2604", "defs"},
		{"trigs <> '{}'", "2620", "trigs"},
		{"pols <> '{}'", "3256", "pols"},
		{"stats <> '{}'", "3381", "stats"},
		{"types <> '{}'", "1247", "types"},
		{"procs <> '{}'", "1255", "procs"},
		{"small", "6106", "ARRAY(SELECT oid FROM pg_publication_rel)"},
		{"small", "3079", "ARRAY(SELECT oid FROM pg_extension)"},
		{"small", "3466", "ARRAY(SELECT oid FROM pg_event_trigger)"},
	} {
		fmt.Fprintf(&b, "    IF %s THEN\n    %s    END IF;\n", c[0], fmt.Sprintf(query, "(SELECT * FROM pg_depend e WHERE e.classid = "+c[1]+" AND e.objid = ANY("+c[2]+") OFFSET 0)"))
	}
	return b.String()
}

const enabledWord = ` WHEN 'O' THEN 'origin' WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'replica' ELSE 'always' END`

var catalogSQL = `CREATE OR REPLACE FUNCTION {schema}.{name}(rels oid[], heads oid[], owners oid[], idxs oid[], kons oid[], types oid[], procs oid[], trigs oid[], pols oid[], rules oid[], stats oid[],
  small boolean, foreigners boolean, granted boolean, strange boolean, fresh boolean)
RETURNS text LANGUAGE plpgsql VOLATILE
SET search_path = 'pg_catalog', 'pg_temp' SET timezone = 'UTC' SET datestyle = 'ISO, MDY' SET intervalstyle = 'postgres'
SET plan_cache_mode = 'force_generic_plan' SET jit = off SET quote_all_identifiers = off{seqscan}
AS $assay$
DECLARE result text; part text; item json; extra text := ''; spaces oid[]; members oid[]; mine oid := pg_my_temp_schema(); since bigint := 0;
  kinds text; family boolean; inherits boolean; defaults boolean; defs oid[] := '{}'; written oid[]; idxs_kept oid[]; kons_kept oid[]; trigs_kept oid[];
BEGIN
  IF {small} THEN
    members := ARRAY(SELECT objid FROM pg_depend WHERE refclassid = 3079 AND refobjid >= 16384 AND deptype = 'e');
  END IF;
  IF fresh OR granted THEN
    since := coalesce(pg_current_xact_id_if_assigned()::xid::text::bigint, 9223372036854775807);
  END IF;
  IF granted THEN
    -- No event names what a GRANT changes: it is what this transaction wrote.
    heads := heads || ARRAY(SELECT oid FROM pg_class WHERE xmin::text::bigint >= since AND relkind IN ('r', 'p', 'f', 'v', 'm', 'S'))
      || ARRAY(SELECT DISTINCT attrelid FROM pg_attribute WHERE xmin::text::bigint >= since AND attnum > 0);
    procs := procs || ARRAY(SELECT oid FROM pg_proc WHERE xmin::text::bigint >= since);
    types := types || ARRAY(SELECT oid FROM pg_type WHERE xmin::text::bigint >= since);
  END IF;
  IF NOT fresh THEN
    since := 0;
  END IF;
  {belong}
  IF NOT {all} AND strange THEN
    types := types || ARRAY(SELECT reltype FROM pg_class WHERE oid = ANY(rels || heads) AND relkind = 'c');
  END IF;
  IF owners <> '{}' THEN
    kons := kons || ARRAY(SELECT oid FROM pg_constraint WHERE conrelid = ANY(owners) AND xmin::text::bigint >= since);
  END IF;
  IF trigs <> '{}' AND NOT {all} THEN
    kons := kons || ARRAY(SELECT tgconstraint FROM pg_trigger WHERE oid = ANY(trigs) AND tgconstraint <> 0);
  END IF;
  IF types <> '{}' AND NOT {all} THEN
    kons := kons || ARRAY(SELECT oid FROM pg_constraint WHERE contypid = ANY(types) AND contypid <> 0);
    heads := heads || ARRAY(SELECT typrelid FROM pg_type WHERE oid = ANY(types) AND typrelid <> 0); -- for the comments of its attributes
  END IF;
  IF {any:types,procs,pols,rules,stats} OR {small} THEN
    SELECT array_agg(n.oid) INTO spaces FROM pg_namespace n
     WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'assay_recorder') AND (n.nspname !~ '^pg_(toast_)?temp_' OR n.oid = mine);
  END IF;
  result := concat('L', ROW(rels, heads, idxs, kons, types, procs, trigs, pols, rules, stats, idxs_kept, kons_kept, trigs_kept, {small}, mine, members));
  BEGIN
    IF {small} THEN
      SELECT (SELECT json_agg(json_build_object('oid', n.oid, 'name', CASE WHEN n.oid = mine THEN 'pg_temp' ELSE n.nspname END, 'owner', pg_get_userbyid(n.nspowner),
  'acl', to_json(n.nspacl::text[])))
  FROM pg_namespace n WHERE n.oid = ANY(spaces) AND n.oid <> mine AND ` + notExtension("n.oid", "pg_namespace") + `) INTO item;
      extra := extra || ',"schemas":' || coalesce(item::text, 'null');
    END IF;
    IF {small} THEN
      SELECT (SELECT json_agg(json_build_object('oid', e.oid, 'name', e.extname, 'version', e.extversion, 'schema', n.nspname, 'comment', obj_description(e.oid, 'pg_extension')))
  FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace) INTO item;
      extra := extra || ',"extensions":' || coalesce(item::text, 'null');
    END IF;
    IF {small} THEN
      SELECT (SELECT json_agg(json_build_object('oid', b.oid, 'name', b.pubname, 'owner', pg_get_userbyid(b.pubowner), 'viaroot', b.pubviaroot, 'comment', obj_description(b.oid, 'pg_publication'), 'alltables', b.puballtables, 'schemas', {pubschemas},
  'publishes', array_remove(ARRAY[CASE WHEN b.pubinsert THEN 'insert' END, CASE WHEN b.pubupdate THEN 'update' END, CASE WHEN b.pubdelete THEN 'delete' END, CASE WHEN b.pubtruncate THEN 'truncate' END], NULL),
  'tables', (SELECT json_agg(json_build_object('table', prrelid, 'columns', {pubcols}, 'where', {pubwhere}) ORDER BY prrelid) FROM pg_publication_rel WHERE prpubid = b.oid)))
  FROM pg_publication b) INTO item;
      extra := extra || ',"publications":' || coalesce(item::text, 'null');
      SELECT string_agg(ROW(oid, prpubid)::text, '') INTO part FROM pg_publication_rel;
      result := result || 'Q' || coalesce(part, '');
    END IF;
    IF {small} THEN
      SELECT (SELECT json_agg(json_build_object('oid', v.oid, 'name', v.evtname, 'event', v.evtevent, 'function', v.evtfoid, 'tags', v.evttags, 'owner', pg_get_userbyid(v.evtowner), 'comment', obj_description(v.oid, 'pg_event_trigger'), 'enabled', CASE v.evtenabled` + enabledWord + `))
  FROM pg_event_trigger v WHERE v.evtname NOT LIKE 'assay\_recorder\_%') INTO item;
      extra := extra || ',"eventtriggers":' || coalesce(item::text, 'null');
    END IF;
    IF {any:rels,heads} THEN
      SELECT string_agg(ROW(c.oid, c.relnamespace, c.relname, c.relkind, c.relpersistence, pg_get_userbyid(c.relowner), c.reloptions, c.relrowsecurity, c.relforcerowsecurity,
        c.relreplident, pg_get_expr(c.relpartbound, c.oid), c.reloftype, c.relispopulated, c.reltablespace, c.relam, c.relfilenode, pg_relation_filenode(c.reltoastrelid), c.relacl, c.relispartition,
        CASE WHEN c.reltoastrelid <> 0 THEN (SELECT o.reloptions FROM pg_class o WHERE o.oid = c.reltoastrelid AND o.reloptions IS NOT NULL) END,
        CASE WHEN c.relispartition AND pg_get_expr(c.relpartbound, c.oid) <> 'DEFAULT' THEN pg_get_partition_constraintdef(c.oid) END)::text, ''),
        string_agg(c.relkind::text, ''), bool_or(c.relispartition) INTO part, kinds, family
      FROM pg_class c WHERE {pick:c.oid:(rels || heads)} AND {ours:c.relnamespace} AND c.relkind = ANY('{r,p,f,v,m,S}');
      result := result || 'R' || coalesce(part, '');
      SELECT string_agg(ROW(a.attrelid, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.atttypid, a.attnotnull, a.attidentity, a.attgenerated, a.attcollation,
        a.attstorage, {compression}, a.attinhcount, a.attisdropped, a.attacl, CASE WHEN a.attstattarget >= 0 THEN a.attstattarget END, a.attoptions, a.attfdwoptions)::text, ''), bool_or(a.atthasdef), bool_or(a.attinhcount > 0) INTO part, defaults, inherits
      FROM pg_attribute a WHERE {pick:a.attrelid:(rels || heads)} AND a.attrelid >= 16384 AND a.attnum > 0
        AND ({all} IS FALSE OR (SELECT relkind FROM pg_class WHERE oid = a.attrelid) <> ALL ('{i,I,t}'));
      result := result || 'A' || coalesce(part, '');
      IF defaults THEN
        SELECT string_agg(ROW(d.oid, d.adrelid, d.adnum, pg_get_expr(d.adbin, d.adrelid))::text, ''), array_agg(d.oid) INTO part, defs
        FROM pg_attrdef d WHERE {pick:d.adrelid:(rels || heads)};
        result := result || 'D' || coalesce(part, '');
      END IF;
      IF kinds LIKE '%p%' THEN
        SELECT string_agg(ROW(p.partrelid, pg_get_partkeydef(p.partrelid), p.partattrs)::text, '') INTO part FROM pg_partitioned_table p WHERE {pick:p.partrelid:(rels || heads)};
        result := result || 'P' || coalesce(part, '');
      END IF;
      IF kinds ~ '[vm]' THEN
        IF NOT {all} THEN -- what a view depends on is its rule's
          rules := rules || ARRAY(SELECT oid FROM pg_rewrite WHERE ev_class = ANY(heads) AND rulename = '_RETURN');
        END IF;
        SELECT string_agg(ROW(w.ev_class, pg_get_viewdef(w.ev_class), md5(regexp_replace(w.ev_action::text, ':(location|stmt_location|stmt_len) -?\d+', '', 'g')))::text, '') INTO part
        FROM pg_rewrite w JOIN pg_class c ON c.oid = w.ev_class WHERE {pick:w.ev_class:(rels || heads)} AND w.rulename = '_RETURN' AND {ours:c.relnamespace};
        result := result || 'V' || coalesce(part, '');
      END IF;
      IF kinds LIKE '%f%' THEN
        SELECT string_agg(ROW(f.ftrelid, s.srvname, f.ftoptions)::text, '') INTO part FROM pg_foreign_table f JOIN pg_foreign_server s ON s.oid = f.ftserver WHERE {pick:f.ftrelid:(rels || heads)};
        result := result || 'F' || coalesce(part, '');
      END IF;
      IF kinds LIKE '%S%' THEN
        SELECT string_agg(ROW(s.seqrelid, format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcycle, s.seqcache)::text, '') INTO part
        FROM pg_sequence s WHERE {pick:s.seqrelid:(rels || heads)};
        result := result || 'S' || coalesce(part, '');
      END IF;
    END IF;
    inherits := inherits OR family;
    IF {any:idxs} THEN
      SELECT string_agg(ROW(i.indexrelid, i.indrelid, c.relnamespace, c.relname, c.relam, i.indisunique, i.indisprimary, i.indisexclusion, i.indisvalid, i.indisready, {nullsnotdistinct},
        i.indkey, i.indnkeyatts, i.indcollation, i.indclass, i.indoption, ARRAY(SELECT pg_get_indexdef(i.indexrelid, k, true) FROM generate_series(1, i.indnatts) k),
        CASE WHEN 0 <> ANY(i.indcollation::oid[]) THEN ARRAY(SELECT coalesce((SELECT a.attcollation FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attnum = i.indkey[k]), 100) FROM generate_series(0, i.indnkeyatts - 1) k) END,
        pg_get_expr(i.indpred, i.indrelid), pg_get_indexdef(i.indexrelid), c.relkind, i.indisreplident, c.reloptions, c.reltablespace, c.relfilenode, i.indisclustered,
        (SELECT string_agg(concat(a.attnum, ':', a.attstattarget), ', ' ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = i.indexrelid AND a.attstattarget >= 0))::text, ''), bool_or(c.relispartition) INTO part, family
      FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE {pick:i.indexrelid:idxs} AND {ours:c.relnamespace};
      result := result || 'X' || coalesce(part, '');
    END IF;
    IF inherits OR family THEN
      SELECT string_agg(ROW(h.inhrelid, h.inhparent, h.inhseqno)::text, '') INTO part FROM pg_inherits h WHERE {pick:h.inhrelid:(rels || heads || idxs)};
      result := result || 'I' || coalesce(part, '');
    END IF;
    IF {any:kons} THEN
      SELECT string_agg(ROW(k.oid, k.conrelid, k.contypid, k.connamespace, k.conname, k.contype, k.conkey, pg_get_expr(k.conbin, k.conrelid), md5(regexp_replace(k.conbin::text, ':location -?\d+', '', 'g')),
        pg_get_constraintdef(k.oid), k.convalidated, {enforced}, k.condeferrable, k.condeferred, k.conindid, k.confrelid, k.confkey, k.confdeltype, k.confupdtype, k.conparentid, k.conislocal)::text, '') INTO part
      FROM pg_constraint k WHERE {pick:k.oid:kons} AND {ours:k.connamespace};
      result := result || 'K' || coalesce(part, '');
    END IF;
    IF {any:types} THEN
      SELECT (SELECT json_agg(json_build_object('oid', t.oid, 'schema', CASE WHEN n.oid = mine THEN 'pg_temp' ELSE n.nspname END, 'name', t.typname,
  'kind', CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' WHEN 'c' THEN 'composite' WHEN 'r' THEN 'range' ELSE 'base' END,
  'labels', (SELECT json_agg(enumlabel ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid), 'labeloids', (SELECT json_agg(oid ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid),
  'base', CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) END, 'notnull', t.typnotnull, 'default', t.typdefault, 'relation', t.typrelid,
  'collation', CASE WHEN t.typtype = 'd' AND t.typcollation <> (SELECT bt.typcollation FROM pg_type bt WHERE bt.oid = t.typbasetype) THEN t.typcollation::regcollation::text END,
  'definition', CASE t.typtype WHEN 'r' THEN (SELECT concat_ws(' | ', r.rngsubtype::regtype, nullif(r.rngcollation, 0)::regcollation, (SELECT opcname FROM pg_opclass WHERE oid = r.rngsubopc), r.rngcanonical, r.rngsubdiff, {multirange}) FROM pg_range r WHERE r.rngtypid = t.oid)
    WHEN 'b' THEN concat_ws(' | ', t.typlen, t.typbyval, t.typcategory, t.typispreferred, t.typdelim, t.typelem::regtype, t.typinput, t.typoutput, t.typreceive, t.typsend, t.typmodin, t.typmodout, t.typanalyze, t.typalign, t.typstorage, t.typcollation) END,
  'owner', pg_get_userbyid(t.typowner), 'acl', to_json(t.typacl::text[])))
  FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE {pick:t.oid:types} AND {space:t.typnamespace} AND t.typtype IN ('e', 'd', 'c', 'r', 'b')
  AND NOT (t.typelem <> 0 AND t.typlen = -1 AND EXISTS (SELECT 1 FROM pg_type el WHERE el.oid = t.typelem AND el.typarray = t.oid))
  AND (t.typrelid = 0 OR (SELECT relkind FROM pg_class WHERE oid = t.typrelid) = 'c') AND ` + notExtension("t.oid", "pg_type") + `) INTO item;
      extra := extra || ',"typeobjects":' || coalesce(item::text, 'null');
    END IF;
    IF {any:procs} THEN
      SELECT (SELECT json_agg(json_build_object('oid', p.oid, 'schema', CASE WHEN n.oid = mine THEN 'pg_temp' ELSE n.nspname END, 'name', p.proname,
  'kind', CASE p.prokind WHEN 'f' THEN 'function' WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'window' END,
  'arguments', pg_get_function_arguments(p.oid), 'identity', pg_get_function_identity_arguments(p.oid),
  'argtypes', (SELECT json_agg(format_type(x, NULL) ORDER BY o) FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY u(x, o)), 'argnames', to_json(p.proargnames), 'defaults', p.pronargdefaults,
  'returns', pg_get_function_result(p.oid), 'language', (SELECT lanname FROM pg_language l WHERE l.oid = p.prolang),
  'volatility', CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END,
  'parallel', CASE p.proparallel WHEN 's' THEN 'safe' WHEN 'r' THEN 'restricted' ELSE 'unsafe' END,
  'cost', p.procost::text, 'rows', CASE WHEN p.proretset THEN p.prorows::text END, 'support', nullif(p.prosupport::oid, 0)::regproc::text,
  'aggregate', CASE WHEN p.prokind = 'a' THEN (SELECT concat_ws(' | ', g.aggkind, g.aggtransfn, g.aggfinalfn, g.aggcombinefn, g.aggserialfn, g.aggdeserialfn, g.aggmtransfn, g.aggminvtransfn, g.aggmfinalfn, g.aggfinalextra, g.aggfinalmodify, g.aggsortop::regoperator, g.aggtranstype::regtype, g.agginitval, g.aggminitval) FROM pg_aggregate g WHERE g.aggfnoid = p.oid) END,
  'strict', p.proisstrict, 'securitydefiner', p.prosecdef, 'leakproof', p.proleakproof, 'config', to_json(p.proconfig), 'body', coalesce({sqlbody}, p.prosrc),
  'raw', md5(concat_ws('|', p.prolang, p.procost, p.prorows, p.proretset, p.provolatile, p.proparallel, p.prosecdef, p.proleakproof, p.proisstrict, p.prorettype, p.proargtypes::text,
     p.proallargtypes::text, p.proargmodes::text, p.proargnames::text, pg_get_expr(p.proargdefaults, 0), coalesce({sqlbody}, p.prosrc), p.probin, p.proconfig::text, p.prosupport::oid, (SELECT g::text FROM pg_aggregate g WHERE g.aggfnoid = p.oid))),
  'owner', pg_get_userbyid(p.proowner), 'acl', to_json(p.proacl::text[])))
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE {pick:p.oid:procs} AND {space:p.pronamespace} AND ` + notExtension("p.oid", "pg_proc") + `) INTO item;
      extra := extra || ',"functions":' || coalesce(item::text, 'null');
    END IF;
    IF {any:trigs} THEN
      SELECT string_agg(ROW(g.oid, g.tgrelid, g.tgname, g.tgfoid, pg_get_triggerdef(g.oid),
        md5(concat_ws('|', g.tgfoid, g.tgtype, g.tgattr::text, encode(g.tgargs, 'hex'), regexp_replace(g.tgqual::text, ':location -?\d+', '', 'g'), g.tgdeferrable, g.tginitdeferred, g.tgoldtable, g.tgnewtable)),
        g.tgenabled, g.tgparentid)::text, '') INTO part
      FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid WHERE {pick:g.oid:trigs} AND NOT g.tgisinternal AND {ours:c.relnamespace};
      result := result || 'G' || coalesce(part, '');
    END IF;
    IF {any:rules} THEN
      SELECT (SELECT json_agg(json_build_object('oid', w.oid, 'table', w.ev_class, 'name', w.rulename, 'definition', pg_get_ruledef(w.oid),
  'comment', obj_description(w.oid, 'pg_rewrite'), 'raw', md5(regexp_replace(w.ev_action::text || w.ev_qual::text, ':(location|stmt_location|stmt_len) -?\d+', '', 'g')), 'enabled', CASE w.ev_enabled` + enabledWord + `))
  FROM pg_rewrite w JOIN pg_class c ON c.oid = w.ev_class WHERE {pick:w.oid:rules} AND w.rulename <> '_RETURN' AND {space:c.relnamespace} AND ` + notExtension("w.oid", "pg_rewrite") + `) INTO item;
      extra := extra || ',"rules":' || coalesce(item::text, 'null');
    END IF;
    IF {any:pols} THEN
      SELECT (SELECT json_agg(json_build_object('oid', o.oid, 'table', o.polrelid, 'name', o.polname,
  'command', CASE o.polcmd WHEN 'r' THEN 'select' WHEN 'a' THEN 'insert' WHEN 'w' THEN 'update' WHEN 'd' THEN 'delete' ELSE 'all' END, 'permissive', o.polpermissive,
  'roles', (SELECT json_agg(coalesce(l.rolname, 'public') ORDER BY l.rolname) FROM unnest(o.polroles) x LEFT JOIN pg_roles l ON l.oid = x),
  'using', pg_get_expr(o.polqual, o.polrelid), 'withcheck', pg_get_expr(o.polwithcheck, o.polrelid),
  'raw', md5(regexp_replace(concat_ws('|', o.polqual::text, o.polwithcheck::text), ':location -?\d+', '', 'g'))))
  FROM pg_policy o JOIN pg_class c ON c.oid = o.polrelid WHERE {pick:o.oid:pols} AND {space:c.relnamespace}) INTO item;
      extra := extra || ',"policies":' || coalesce(item::text, 'null');
    END IF;
    IF {any:stats} THEN
      SELECT (SELECT json_agg(json_build_object('oid', x.oid, 'table', x.stxrelid, 'schema', n.nspname, 'name', x.stxname, 'definition', pg_get_statisticsobjdef(x.oid), 'owner', pg_get_userbyid(x.stxowner), 'target', CASE WHEN x.stxstattarget >= 0 THEN x.stxstattarget::text END, 'comment', obj_description(x.oid, 'pg_statistic_ext')))
  FROM pg_statistic_ext x JOIN pg_namespace n ON n.oid = x.stxnamespace WHERE {pick:x.oid:stats} AND {space:x.stxnamespace}) INTO item;
      extra := extra || ',"statistics":' || coalesce(item::text, 'null');
    END IF;
    IF {any:rules} THEN
      SELECT string_agg(ROW(w.oid, w.ev_class)::text, '') INTO part FROM pg_rewrite w WHERE {pick:w.oid:rules} AND w.rulename = '_RETURN';
      result := result || 'U' || coalesce(part, '');
    END IF;
    IF {any:rels,heads,idxs,kons,types,procs,trigs,pols} OR {small} THEN
      SELECT string_agg(ROW(x.classoid, x.objoid, x.objsubid, x.description)::text, '') INTO part FROM pg_description x
      WHERE {pick:x.objoid:(rels || heads || idxs || kons || types || procs || trigs || pols || CASE WHEN small THEN spaces END)} AND x.objoid >= 2200;
      result := result || 'C' || coalesce(part, '');
    END IF;
{edges}
    RAISE EXCEPTION 'release' USING ERRCODE = 'AS000';
  EXCEPTION WHEN SQLSTATE 'AS000' THEN NULL;
  END;
  RETURN concat(octet_length(extra), ' ', extra, result);
END $assay$`

// typesSQL tells of types that the catalog does not have: the relation whose
// rows they are, else the type whose array they are.
const typesSQL = `SELECT pg_catalog.json_agg(pg_catalog.json_build_array(t.oid,
  (SELECT c.oid FROM pg_catalog.pg_class c WHERE c.oid = coalesce(nullif(t.typrelid, 0), el.typrelid) AND c.relkind <> 'c'), el.oid))
FROM pg_catalog.pg_type t LEFT JOIN pg_catalog.pg_type el ON el.oid = t.typelem AND el.typarray = t.oid WHERE t.oid = ANY('{%s}')`

// probeFunction reads the backend's own relation locks, what its transaction
// scanned and wrote in those relations, and where they are stored: the canary
// and the rows written of what is kept as text in the first line, then a line
// for each lock. What the relations are is asked
// only of those that the catalog does not know: strangersFunction.
//
// The counters of pg_stat_xact_* run on from one transaction to the next until
// the server reports them, which it does when it likes, but not in a
// transaction. The canary tells: it is a catalog that nobody else scans, scanned
// once by the first probe of each transaction, so a count below the number of
// these means that the counters began anew. Other probes give -1 for it.
//
// With everything it reads the counters of every table instead, outside a
// transaction: what earlier work of the session, which nobody looked at, has left
// in them, and beside it what the server has been told before.
func probeFunction() string {
	return `CREATE OR REPLACE FUNCTION {schema}.assay_recorder_probe(everything boolean, first boolean) RETURNS text LANGUAGE plpgsql VOLATILE AS $assay$
DECLARE canary bigint := -1; result text;
BEGIN
  IF first THEN
    canary := pg_catalog.pg_stat_get_xact_numscans(3576::oid) OPERATOR(pg_catalog.+) pg_catalog.pg_stat_get_xact_numscans(3574::oid) OPERATOR(pg_catalog.+) pg_catalog.pg_stat_get_xact_numscans(3575::oid);
    PERFORM pg_catalog.count(*) FROM pg_catalog.pg_transform;
  END IF;
  IF everything THEN
    SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', c.oid, 'none', 0, pg_catalog.pg_stat_get_xact_numscans(c.oid),
      pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid), pg_catalog.pg_stat_get_xact_tuples_updated(c.oid), pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid),
      pg_catalog.pg_stat_get_numscans(c.oid), pg_catalog.pg_stat_get_tuples_inserted(c.oid), pg_catalog.pg_stat_get_tuples_updated(c.oid), pg_catalog.pg_stat_get_tuples_deleted(c.oid)), E'\n') INTO result
    FROM pg_catalog.pg_class c WHERE c.relkind::pg_catalog.text = ANY('{r,m}') AND c.oid >= '16384'::pg_catalog.oid;
  ELSE
    SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', l.relation, l.mode, coalesce(pg_catalog.pg_relation_filenode(l.relation), 0), pg_catalog.pg_stat_get_xact_numscans(l.relation),
      pg_catalog.pg_stat_get_xact_tuples_inserted(l.relation), pg_catalog.pg_stat_get_xact_tuples_updated(l.relation), pg_catalog.pg_stat_get_xact_tuples_deleted(l.relation)), E'\n') INTO result
    FROM pg_catalog.pg_lock_status() l WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation' AND l.relation >= '16384'::pg_catalog.oid;
  END IF;
  RETURN pg_catalog.concat_ws(E'\n', pg_catalog.concat(canary, ' ', ` + writtenSQL() + `), result);
END $assay$`
}

// outsideSQL reads the locks of a backend from another one. It counts locks
// that are waited for as taken: they are about to be.
const outsideSQL = `SELECT pg_catalog.concat_ws(E'\n', '0 0', pg_catalog.string_agg(pg_catalog.concat_ws(' ', l.relation, l.mode, coalesce(pg_catalog.pg_relation_filenode(l.relation), 0), 0, 0, 0, 0), E'\n'))
FROM pg_catalog.pg_locks l WHERE l.pid = %d AND l.locktype = 'relation' AND l.relation >= 16384`

// strangersFunction tells of locked relations that are not in the catalog: toast
// tables, what extensions own, what the statement has just made.
const strangersFunction = `CREATE OR REPLACE FUNCTION {schema}.assay_recorder_strangers(relations oid[]) RETURNS text LANGUAGE plpgsql VOLATILE
SET enable_seqscan = off SET plan_cache_mode = 'force_generic_plan' AS $assay$
BEGIN
  RETURN (SELECT pg_catalog.string_agg(ROW(c.oid, c.relkind, n.nspname, c.relname, i.indrelid)::pg_catalog.text, '')
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid WHERE c.oid = ANY(relations));
END $assay$`
