package state

// codeQueries read routines and what calls them, publications, foreign data and
// the classes that are compared only.
var codeQueries = []string{
	// functions, procedures
	`SELECT CASE p.prokind WHEN 'p' THEN 'procedure' ELSE 'function' END, 'pg_proc'::regclass::oid, p.oid, 0, 0::oid, n.nspname::text, '',
		p.proname || '(' || coalesce((SELECT string_agg(format_type(a.t, NULL), ', ' ORDER BY a.i) FROM unnest(p.proargtypes) WITH ORDINALITY a(t, i)), '') || ')',
		json_build_object('definition', pg_get_functiondef(p.oid)),
		json_build_object('name', p.proname, 'arguments', pg_get_function_identity_arguments(p.oid), 'result', pg_get_function_result(p.oid), 'kind', p.prokind,
			'input names', (SELECT json_agg(CASE WHEN p.proargmodes IS NULL OR p.proargmodes[i] IN ('i', 'b', 'v') THEN coalesce(p.proargnames[i], '') END)::text FROM generate_subscripts(p.proargnames, 1) i
				WHERE p.proargmodes IS NULL OR p.proargmodes[i] IN ('i', 'b', 'v')),
			'out names', (SELECT json_agg(coalesce(p.proargnames[i], ''))::text FROM generate_subscripts(p.proargnames, 1) i WHERE p.proargmodes[i] IN ('o', 'b', 't')),
			'defaults', p.pronargdefaults, 'language', l.lanname, 'variadic', nullif(p.provariadic, 0)::regtype::text,
			'default list', pg_get_expr(p.proargdefaults, 0), 'string body', to_jsonb(p)->>'prosqlbody' IS NULL AND l.lanname NOT IN ('c', 'internal')),
		pg_get_userbyid(p.proowner)::text, ` + acl("p.proacl", "f", "p.proowner") + `, false
	FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
	WHERE p.prokind <> 'a' AND p.oid >= 16384 AND ` + named,
	// aggregates
	`SELECT 'aggregate', 'pg_proc'::regclass::oid, p.oid, 0, 0::oid, n.nspname::text, '',
		p.proname || '(' || coalesce((SELECT string_agg(format_type(t.t, NULL), ', ' ORDER BY t.i) FROM unnest(p.proargtypes) WITH ORDINALITY t(t, i)), '') || ')',
		json_build_object('definition', concat_ws(', ', 'SFUNC = ' || a.aggtransfn::regproc, 'STYPE = ' || format_type(a.aggtranstype, NULL), 'SSPACE = ' || nullif(a.aggtransspace, 0),
			'FINALFUNC = ' || nullif(a.aggfinalfn::oid, 0)::regproc, CASE WHEN a.aggfinalextra THEN 'FINALFUNC_EXTRA' END,
			'FINALFUNC_MODIFY = ' || CASE WHEN a.aggfinalmodify <> CASE WHEN a.aggkind = 'n' THEN 'r' ELSE 'w' END::"char" THEN CASE a.aggfinalmodify WHEN 'r' THEN 'READ_ONLY' WHEN 's' THEN 'SHAREABLE' ELSE 'READ_WRITE' END END,
			'COMBINEFUNC = ' || nullif(a.aggcombinefn::oid, 0)::regproc, 'SERIALFUNC = ' || nullif(a.aggserialfn::oid, 0)::regproc, 'DESERIALFUNC = ' || nullif(a.aggdeserialfn::oid, 0)::regproc,
			'INITCOND = ' || quote_literal(a.agginitval), 'MSFUNC = ' || nullif(a.aggmtransfn::oid, 0)::regproc, 'MINVFUNC = ' || nullif(a.aggminvtransfn::oid, 0)::regproc,
			'MSTYPE = ' || format_type(nullif(a.aggmtranstype, 0), NULL), 'MSSPACE = ' || nullif(a.aggmtransspace, 0), 'MFINALFUNC = ' || nullif(a.aggmfinalfn::oid, 0)::regproc,
			CASE WHEN a.aggmfinalextra THEN 'MFINALFUNC_EXTRA' END, 'MINITCOND = ' || quote_literal(a.aggminitval),
			'SORTOP = ' || (SELECT format('OPERATOR(%I.%s)', o.nspname, oprname) FROM pg_operator JOIN pg_namespace o ON o.oid = oprnamespace WHERE pg_operator.oid = a.aggsortop),
			'PARALLEL = ' || CASE p.proparallel WHEN 's' THEN 'SAFE' WHEN 'r' THEN 'RESTRICTED' END, CASE WHEN a.aggkind = 'h' THEN 'HYPOTHETICAL' END)),
		json_build_object('name', p.proname, 'arguments', pg_get_function_arguments(p.oid), 'result', pg_get_function_result(p.oid)),
		pg_get_userbyid(p.proowner)::text, ` + acl("p.proacl", "f", "p.proowner") + `, false
	FROM pg_proc p JOIN pg_aggregate a ON a.aggfnoid = p.oid JOIN pg_namespace n ON n.oid = p.pronamespace WHERE p.oid >= 16384 AND ` + named,
	// triggers, rules, policies
	`SELECT 'trigger', 'pg_trigger'::regclass::oid, t.oid, 0, c.oid, n.nspname::text, c.relname::text, t.tgname::text,
		json_build_object('definition', pg_get_triggerdef(t.oid), 'enabled', CASE t.tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' WHEN 'A' THEN 'ENABLE ALWAYS' END),
		json_build_object('shape', substr(pg_get_triggerdef(t.oid), strpos(pg_get_triggerdef(t.oid), quote_ident(t.tgname)) + length(quote_ident(t.tgname))), 'constraint', t.tgconstraint <> 0, 'relation', c.relkind),
		'', NULL::json, t.tgparentid <> 0
	FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE NOT t.tgisinternal AND c.relpersistence <> 't' AND c.oid >= 16384 AND ` + named,
	`SELECT 'rule', 'pg_rewrite'::regclass::oid, r.oid, 0, c.oid, n.nspname::text, c.relname::text, r.rulename::text,
		json_build_object('definition', rtrim(pg_get_ruledef(r.oid), ';'), 'enabled', CASE r.ev_enabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' WHEN 'A' THEN 'ENABLE ALWAYS' END),
		json_build_object('relation', c.relkind), '', NULL::json, false
	FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE r.rulename <> '_RETURN' AND c.relpersistence <> 't' AND c.oid >= 16384 AND ` + named,
	`SELECT 'policy', 'pg_policy'::regclass::oid, p.oid, 0, c.oid, n.nspname::text, c.relname::text, p.polname::text,
		json_build_object('permissive', CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
			'command', CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
			'roles', (SELECT string_agg(CASE WHEN o = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(o)) END, ', ' ORDER BY o <> 0, pg_get_userbyid(o)) FROM unnest(p.polroles) o),
			'using', pg_get_expr(p.polqual, p.polrelid), 'check', pg_get_expr(p.polwithcheck, p.polrelid)),
		json_build_object(), '', NULL::json, false
	FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE ` + named,
	`SELECT 'event trigger', 'pg_event_trigger'::regclass::oid, e.oid, 0, 0::oid, '', '', e.evtname::text,
		json_build_object('event', e.evtevent, 'function', e.evtfoid::regproc::text, 'tags', (SELECT string_agg(quote_literal(t), ', ' ORDER BY t) FROM unnest(e.evttags) t),
			'enabled', CASE e.evtenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' WHEN 'A' THEN 'ENABLE ALWAYS' END),
		json_build_object(), pg_get_userbyid(e.evtowner)::text, NULL::json, false
	FROM pg_event_trigger e WHERE e.evtname !~ '^assay_recorder_'`,
	// publications
	`SELECT 'publication', 'pg_publication'::regclass::oid, p.oid, 0, 0::oid, '', '', p.pubname::text,
		json_build_object('all tables', CASE WHEN p.puballtables THEN 'true' END,
			'publish', concat_ws(', ', CASE WHEN p.pubinsert THEN 'insert' END, CASE WHEN p.pubupdate THEN 'update' END, CASE WHEN p.pubdelete THEN 'delete' END, CASE WHEN p.pubtruncate THEN 'truncate' END),
			'publish_via_partition_root', CASE WHEN p.pubviaroot THEN 'true' END, 'publish_generated_columns', CASE to_jsonb(p)->>'pubgencols' WHEN 's' THEN 'stored' END),
		json_build_object(), pg_get_userbyid(p.pubowner)::text, NULL::json, false
	FROM pg_publication p`,
	// foreign data
	`SELECT 'foreign-data wrapper', 'pg_foreign_data_wrapper'::regclass::oid, w.oid, 0, 0::oid, '', '', w.fdwname::text,
		json_build_object('handler', nullif(w.fdwhandler, 0)::regproc::text, 'validator', nullif(w.fdwvalidator, 0)::regproc::text, 'foreign options', ` + options("w.fdwoptions") + `),
		json_build_object(), pg_get_userbyid(w.fdwowner)::text, ` + acl("w.fdwacl", "F", "w.fdwowner") + `, false
	FROM pg_foreign_data_wrapper w`,
	`SELECT 'server', 'pg_foreign_server'::regclass::oid, s.oid, 0, 0::oid, '', '', s.srvname::text,
		json_build_object('wrapper', quote_ident(w.fdwname), 'type', quote_literal(s.srvtype), 'version', quote_literal(s.srvversion), 'foreign options', ` + options("s.srvoptions") + `),
		json_build_object(), pg_get_userbyid(s.srvowner)::text, ` + acl("s.srvacl", "S", "s.srvowner") + `, false
	FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw`,
	`SELECT 'user mapping', 'pg_user_mapping'::regclass::oid, u.umid, 0, 0::oid, '', u.srvname::text, u.usename::text,
		json_build_object('foreign options', ` + options("u.umoptions") + `), json_build_object(), '', NULL::json, false
	FROM pg_user_mappings u`,
	// default privileges
	`SELECT 'default privileges', 'pg_default_acl'::regclass::oid, d.oid, 0, 0::oid, coalesce(n.nspname, '')::text, '',
		CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'FUNCTIONS' WHEN 'T' THEN 'TYPES' WHEN 'n' THEN 'SCHEMAS' ELSE 'LARGE OBJECTS' END || ' of ' || pg_get_userbyid(d.defaclrole),
		json_build_object(), json_build_object('role', pg_get_userbyid(d.defaclrole), 'kind', d.defaclobjtype), '', ` + acl("d.defaclacl", "r", "d.defaclrole") + `, false
	FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace`,
	// operators, text search and the rest are compared, and no more
	`SELECT 'operator', 'pg_operator'::regclass::oid, o.oid, 0, 0::oid, n.nspname::text, '', format('%s (%s, %s)', o.oprname, coalesce(nullif(o.oprleft, 0)::regtype::text, 'NONE'), coalesce(nullif(o.oprright, 0)::regtype::text, 'NONE')),
		json_build_object('definition', concat_ws(' ', o.oprcode::regprocedure, o.oprresult::regtype, o.oprcanmerge, o.oprcanhash, o.oprrest::regproc, o.oprjoin::regproc, nullif(o.oprcom, 0)::regoperator, nullif(o.oprnegate, 0)::regoperator)),
		json_build_object(), pg_get_userbyid(o.oprowner)::text, NULL::json, false
	FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace WHERE o.oid >= 16384 AND ` + named,
	`SELECT 'operator family', 'pg_opfamily'::regclass::oid, f.oid, 0, 0::oid, n.nspname::text, '', f.opfname || ' USING ' || m.amname,
		json_build_object('operators', (SELECT string_agg(concat_ws(' ', a.amopstrategy, a.amopopr::regoperator, a.amoppurpose), ', ' ORDER BY a.amopstrategy, a.amopopr::regoperator::text) FROM pg_amop a WHERE a.amopfamily = f.oid),
			'functions', (SELECT string_agg(concat_ws(' ', a.amprocnum, a.amproc::regprocedure), ', ' ORDER BY a.amprocnum, a.amproc::regprocedure::text) FROM pg_amproc a WHERE a.amprocfamily = f.oid)),
		json_build_object(), pg_get_userbyid(f.opfowner)::text, NULL::json, false
	FROM pg_opfamily f JOIN pg_namespace n ON n.oid = f.opfnamespace JOIN pg_am m ON m.oid = f.opfmethod WHERE f.oid >= 16384 AND ` + named,
	`SELECT 'operator class', 'pg_opclass'::regclass::oid, c.oid, 0, 0::oid, n.nspname::text, '', c.opcname || ' USING ' || m.amname,
		json_build_object('definition', concat_ws(' ', c.opcintype::regtype, c.opcdefault, nullif(c.opckeytype, 0)::regtype, f.opfname)),
		json_build_object(), pg_get_userbyid(c.opcowner)::text, NULL::json, false
	FROM pg_opclass c JOIN pg_namespace n ON n.oid = c.opcnamespace JOIN pg_am m ON m.oid = c.opcmethod JOIN pg_opfamily f ON f.oid = c.opcfamily WHERE c.oid >= 16384 AND ` + named,
	`SELECT 'text search configuration', 'pg_ts_config'::regclass::oid, c.oid, 0, 0::oid, n.nspname::text, '', c.cfgname::text,
		json_build_object('parser', (SELECT prsname FROM pg_ts_parser p WHERE p.oid = c.cfgparser),
			'mappings', (SELECT string_agg(concat_ws(' ', m.maptokentype, m.mapseqno, m.mapdict::regdictionary), ', ' ORDER BY m.maptokentype, m.mapseqno) FROM pg_ts_config_map m WHERE m.mapcfg = c.oid)),
		json_build_object(), pg_get_userbyid(c.cfgowner)::text, NULL::json, false
	FROM pg_ts_config c JOIN pg_namespace n ON n.oid = c.cfgnamespace WHERE c.oid >= 16384 AND ` + named,
	`SELECT 'text search dictionary', 'pg_ts_dict'::regclass::oid, d.oid, 0, 0::oid, n.nspname::text, '', d.dictname::text,
		json_build_object('template', (SELECT format('%I.%I', o.nspname, t.tmplname) FROM pg_ts_template t JOIN pg_namespace o ON o.oid = t.tmplnamespace WHERE t.oid = d.dicttemplate), 'options', d.dictinitoption),
		json_build_object(), pg_get_userbyid(d.dictowner)::text, NULL::json, false
	FROM pg_ts_dict d JOIN pg_namespace n ON n.oid = d.dictnamespace WHERE d.oid >= 16384 AND ` + named,
	`SELECT 'text search parser', 'pg_ts_parser'::regclass::oid, p.oid, 0, 0::oid, n.nspname::text, '', p.prsname::text,
		json_build_object('definition', concat_ws(' ', p.prsstart, p.prstoken, p.prsend, p.prsheadline, p.prslextype)), json_build_object(), '', NULL::json, false
	FROM pg_ts_parser p JOIN pg_namespace n ON n.oid = p.prsnamespace WHERE p.oid >= 16384 AND ` + named,
	`SELECT 'text search template', 'pg_ts_template'::regclass::oid, t.oid, 0, 0::oid, n.nspname::text, '', t.tmplname::text,
		json_build_object('definition', concat_ws(' ', t.tmplinit, t.tmpllexize)), json_build_object(), '', NULL::json, false
	FROM pg_ts_template t JOIN pg_namespace n ON n.oid = t.tmplnamespace WHERE t.oid >= 16384 AND ` + named,
	`SELECT 'conversion', 'pg_conversion'::regclass::oid, c.oid, 0, 0::oid, n.nspname::text, '', c.conname::text,
		json_build_object('definition', concat_ws(' ', c.conforencoding, c.contoencoding, c.conproc, c.condefault)), json_build_object(), pg_get_userbyid(c.conowner)::text, NULL::json, false
	FROM pg_conversion c JOIN pg_namespace n ON n.oid = c.connamespace WHERE c.oid >= 16384 AND ` + named,
	`SELECT 'language', 'pg_language'::regclass::oid, l.oid, 0, 0::oid, '', '', l.lanname::text,
		json_build_object('definition', concat_ws(' ', l.lanpltrusted, l.lanplcallfoid::regproc, l.laninline::regproc, l.lanvalidator::regproc)),
		json_build_object(), pg_get_userbyid(l.lanowner)::text, ` + acl("l.lanacl", "l", "l.lanowner") + `, false
	FROM pg_language l WHERE l.lanispl AND l.oid >= 16384`,
	`SELECT 'transform', 'pg_transform'::regclass::oid, t.oid, 0, 0::oid, '', '', format('FOR %s LANGUAGE %s', t.trftype::regtype, l.lanname),
		json_build_object('definition', concat_ws(' ', t.trffromsql::regproc, t.trftosql::regproc)), json_build_object(), '', NULL::json, false
	FROM pg_transform t JOIN pg_language l ON l.oid = t.trflang`,
	`SELECT 'access method', 'pg_am'::regclass::oid, m.oid, 0, 0::oid, '', '', m.amname::text,
		json_build_object('definition', concat_ws(' ', m.amhandler, m.amtype)), json_build_object(), '', NULL::json, false
	FROM pg_am m WHERE m.oid >= 16384`,
	`SELECT 'security label', s.classoid, s.objoid, -1, 0::oid, '', '', concat_ws(' ', s.provider, pg_describe_object(s.classoid, s.objoid, s.objsubid)),
		json_build_object('label', md5(s.label)), json_build_object(), '', NULL::json, false
	FROM pg_seclabel s`,
}

// publishedTables reads the tables of publications. Column lists and row filters
// are there from 15 on.
func publishedTables(major int) string {
	parts := "json_build_object()"
	if major >= 15 {
		parts = `json_build_object('columns', (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attname) FROM pg_attribute a
				WHERE a.attrelid = c.oid AND a.attnum = ANY (r.prattrs)),
			'filter', pg_get_expr(r.prqual, c.oid))`
	}
	return `SELECT 'published table', 'pg_publication_rel'::regclass::oid, r.oid, 0, c.oid, n.nspname::text, p.pubname::text, c.relname::text,
		` + parts + `, json_build_object(), '', NULL::json, false
	FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid JOIN pg_class c ON c.oid = r.prrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE ` + named
}

// publishedSchemas is for 15 and later.
const publishedSchemas = `SELECT 'published schema', 'pg_publication_namespace'::regclass::oid, r.oid, 0, 0::oid, '', p.pubname::text, n.nspname::text,
	json_build_object(), json_build_object(), '', NULL::json, false
	FROM pg_publication_namespace r JOIN pg_publication p ON p.oid = r.pnpubid JOIN pg_namespace n ON n.oid = r.pnnspid`

// subscriptions are read without their connection string, which holds a password.
const subscriptions = `SELECT 'subscription', 'pg_subscription'::regclass::oid, s.oid, 0, 0::oid, '', '', s.subname::text,
	json_build_object('definition', concat_ws(' ', s.subenabled, s.subslotname, s.subsynccommit, s.subpublications)), json_build_object(), pg_get_userbyid(s.subowner)::text, NULL::json, false
	FROM pg_subscription s WHERE s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())`

// aliases give what stands for another object in pg_depend: row and array types,
// the rule of a view, generation expressions, indexes of constraints and of partitions.
const aliases = `
	SELECT 'pg_type'::regclass::oid, t.oid, 'pg_class'::regclass::oid, t.typrelid, 0 FROM pg_type t WHERE t.typrelid <> 0 AND t.oid >= 16384
	UNION ALL SELECT 'pg_type'::regclass, t.typarray, 'pg_type'::regclass, t.oid, 0 FROM pg_type t WHERE t.typarray <> 0 AND t.oid >= 16384
	UNION ALL SELECT 'pg_rewrite'::regclass, r.oid, 'pg_class'::regclass, r.ev_class, 0 FROM pg_rewrite r WHERE r.rulename = '_RETURN' AND r.oid >= 16384
	UNION ALL SELECT 'pg_attrdef'::regclass, d.oid, 'pg_class'::regclass, d.adrelid, d.adnum FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum WHERE a.attgenerated <> ''
	UNION ALL SELECT 'pg_class'::regclass, k.conindid, 'pg_constraint'::regclass, k.oid, 0 FROM pg_constraint k WHERE k.contype IN ('p', 'u', 'x') AND k.conindid <> 0
	UNION ALL SELECT 'pg_class'::regclass, i.inhrelid, 'pg_class'::regclass, i.inhparent, 0 FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE c.relkind IN ('i', 'I') AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.inhrelid)
	UNION ALL SELECT 'pg_constraint'::regclass, k.oid, 'pg_class'::regclass, k.conrelid, k.conkey[1] FROM pg_constraint k WHERE k.contype = 'n' AND k.conrelid <> 0`

const multiranges = ` UNION ALL SELECT 'pg_type'::regclass, r.rngmultitypid, 'pg_type'::regclass, r.rngtypid, 0 FROM pg_range r WHERE r.rngtypid >= 16384`

// members belong to an extension, or are the constructors and casts of a range type.
const members = `SELECT d.classid, d.objid, d.refclassid, d.refobjid, 0 FROM pg_depend d WHERE d.deptype = 'e'
	OR d.deptype = 'i' AND d.classid IN ('pg_proc'::regclass, 'pg_cast'::regclass)`

const depends = `SELECT classid, objid, objsubid, refclassid, refobjid, refobjsubid, deptype::text FROM pg_depend
	WHERE deptype IN ('n', 'a', 'i', 'P', 'S') AND objid >= 16384 AND (refobjid >= 16384 OR refclassid = 'pg_namespace'::regclass)`

const comments = `SELECT classoid, objoid, objsubid, description FROM pg_description WHERE objoid >= 16384 OR classoid = 'pg_namespace'::regclass`
