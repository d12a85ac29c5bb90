# METADATA
# title: Helpers for policies
# description: |
#   Names for what many rules ask of the input. They are plain Rego: opa test
#   and opa eval run them as assay does.
package assay

# METADATA
# description: Tables that people make decisions about, that is neither partitions nor temporary ones.
tables := [t |
	some t in input.after.tables
	t.partition_of == ""
	t.persistence != "temporary"
]

# METADATA
# description: Columns of those tables. What a table inherits is its parent's column.
columns := [c |
	some t in tables
	some c in t.columns
	not c.inherited
]

# METADATA
# description: Columns of those tables that this change makes.
new_columns := [c |
	some c in columns
	c.object in _added
]

# METADATA
# description: Columns of a type, given with modifier ("character varying(50)") or without.
columns_of_type(type) := [c |
	some c in columns
	type in {c.type, c.base_type}
]

# METADATA
# description: Tables by qualified name, partitions and temporary ones too.
table_by_name := {t.object: t | some t in input.after.tables} # regal ignore:prefer-set-or-object-rule

# METADATA
# description: Columns of all tables by qualified name, such as public.orders.total.
column_by_name := {c.object: c | some c in input.after.columns} # regal ignore:prefer-set-or-object-rule

# METADATA
# description: The object is made by this change. It takes a qualified name.
is_new(name) if name in _added

_added := {added | some added in input.added}

# METADATA
# description: |
#   The team that owns the object, by the last pattern of the owners file that matches; empty if nobody does. What the change
#   renames or moves belongs to the owner of its name before. A require_approval with an empty team waits until somebody owns it.
owner(name) := _owners(name).team

# METADATA
# description: Who must approve what happens to the object, as keys of require_approval (teams, users, count). Empty lists if nobody owns it.
approvers(name) := {"teams": o.teams, "users": o.users, "count": o.count} if o := _owners(name)

_owners(name) := matching[count(matching) - 1] if {
	matching := [_owner_line(o) | some o in input.owners; _glob(o.pattern, origin(name))]
	count(matching) > 0
}

_owners(name) := {"team": "", "teams": [], "users": [], "count": 0} if {
	every o in input.owners {
		not _glob(o.pattern, origin(name))
	}
}

_owner_line(o) := {
	"team": object.get(o, "team", ""),
	"teams": [t | some t in {t | some t in array.concat([object.get(o, "team", "")], object.get(o, "teams", []))}; t != ""],
	"users": object.get(o, "users", []),
	"count": object.get(o, "count", 0),
}

# METADATA
# description: The name that a table or column had before the change, which may rename or move it.
origin(name) := _was[name]

origin(name) := concat(".", array.concat([_was[table]], array.slice(parts, 2, count(parts)))) if {
	not _was[name]
	parts := split(name, ".")
	table := concat(".", array.slice(parts, 0, 2))
	_was[table]
}

origin(name) := name if {
	not _was[name]
	not _was[concat(".", array.slice(split(name, "."), 0, 2))]
}

_was := {r.object: r.was | some r in object.get(input, "renamed", [])} # regal ignore:prefer-set-or-object-rule

# METADATA
# description: The object's name matches one of the globs, such as "audit.*" or "public.payment*".
matches_any(patterns, name) if {
	some pattern in patterns
	_glob(pattern, name)
}

_glob(pattern, name) if glob.match(pattern, null, name)

# METADATA
# description: |
#   Clients reach the table or view directly: its schema is one of those given. Where none is given, somebody else than the
#   owner has a privilege on it.
exposed(relation, schemas) if relation.schema in schemas

exposed(relation, schemas) if {
	count(schemas) == 0
	count(relation.grants) > 0
}

# METADATA
# description: The name matches the whole regular expression.
name_matches(pattern, name) if regex.match(sprintf("^(?:%s)$", [pattern]), name)

# METADATA
# description: The object needs the other one, itself or by way of others. Columns count as their table.
depends_on(name, other) if {
	_node(name) != _node(other)
	_node(other) in graph.reachable(_needs, {_node(name)})
}

# METADATA
# description: All objects that need the given one, itself or by way of others. Columns count as their table.
dependents(name) := graph.reachable(_needed_by, {_node(name)}) - {_node(name)}

_node(name) := column_by_name[name].table

_node(name) := name if not column_by_name[name]

# Every node is a key: graph.reachable knows no others.
_nodes := {node | some d in input.after.dependencies; some node in [d.object, d.on]}

_on[d.object] contains d.on if some d in input.after.dependencies

_by[d.on] contains d.object if some d in input.after.dependencies

_needs := {node: object.get(_on, node, set()) | some node in _nodes}

_needed_by := {node: object.get(_by, node, set()) | some node in _nodes}

# METADATA
# description: A name as SQL takes it, in quotes where it needs them.
quoted(name) := name if _plain(name)

quoted(name) := sprintf(`"%s"`, [replace(name, `"`, `""`)]) if not _plain(name)

_plain(name) if {
	regex.match(`^[a-z_][a-z0-9_]*$`, name)
	not name in reserved_words
}

# METADATA
# description: The qualified name of an object of the input that has a schema and a name, as SQL takes it.
sql_name(x) := sprintf("%s.%s", [quoted(x.schema), quoted(x.name)])

# METADATA
# description: The qualified name of the table that a column, constraint, index, trigger or policy belongs to, as SQL takes it.
sql_table(x) := sprintf("%s.%s", [quoted(x.schema), quoted(substring(x.table, count(x.schema) + 1, -1))])

# METADATA
# description: Names of columns as SQL takes them, with commas.
sql_columns(names) := concat(", ", [quoted(name) | some name in names])

# METADATA
# description: A routine as ALTER and DROP name it, such as FUNCTION public.f(integer).
sql_routine(f) := sprintf("%s %s%s", [_routine[f.kind], sql_name(f), substring(f.object, (count(f.schema) + count(f.name)) + 1, -1)])

_routine := {"function": "FUNCTION", "window": "FUNCTION", "procedure": "PROCEDURE", "aggregate": "AGGREGATE"}

# METADATA
# description: The words that need quotes when they name a table or a column.
reserved_words := {
	"all", "analyse", "analyze", "and", "any", "array", "as", "asc", "asymmetric", "authorization", "binary", "both", "case", "cast",
	"check", "collate", "collation", "column", "concurrently", "constraint", "create", "cross", "current_catalog", "current_date",
	"current_role", "current_schema", "current_time", "current_timestamp", "current_user", "default", "deferrable", "desc", "distinct",
	"do", "else", "end", "except", "false", "fetch", "for", "foreign", "freeze", "from", "full", "grant", "group", "having", "ilike",
	"in", "initially", "inner", "intersect", "into", "is", "isnull", "join", "lateral", "leading", "left", "like", "limit",
	"localtime", "localtimestamp", "natural", "not", "notnull", "null", "offset", "on", "only", "or", "order", "outer", "overlaps",
	"placing", "primary", "references", "returning", "right", "select", "session_user", "similar", "some", "symmetric", "system_user",
	"table", "tablesample", "then", "to", "trailing", "true", "union", "unique", "user", "using", "variadic", "verbose", "when",
	"where", "window", "with",
}

# METADATA
# description: A lock of the mode makes reads (SELECT) or writes (INSERT, UPDATE, DELETE) wait.
blocks(mode, what) if mode in _blocking[what]

_blocking := {
	"reads": {"ACCESS EXCLUSIVE"},
	"writes": {"SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE"},
}

# METADATA
# description: Locks in force while a statement runs, its own and those held from earlier ones.
locks_in_force(statement) := array.concat(statement.locks, statement.held)

# METADATA
# description: Bytes of a table in production by the statistics. Undefined if they do not know it.
size_of(name) := _stats[name].bytes

# METADATA
# description: Rows of a table in production by the statistics. Undefined if they do not know it.
rows_of(name) := _stats[name].rows

_stats := {t.object: t | some t in input.stats.tables} # regal ignore:prefer-set-or-object-rule

# METADATA
# description: |
#   An index that finds rows by the given columns: they are its first ones, in any order. A partial index counts if it only
#   leaves out rows where one of them is NULL.
indexed(table, columns) if {
	some index in table.indexes
	index.valid
	index.method in {"btree", "hash"}
	_whole(index, columns)
	{c | some c in array.slice(index.columns, 0, count(columns))} == {c | some c in columns}
}

_whole(index, _) if index.predicate == ""

_whole(index, columns) if {
	some c in columns
	index.predicate in {sprintf("(%s IS NOT NULL)", [quoted(c)]), sprintf("%s IS NOT NULL", [quoted(c)])}
}

# METADATA
# description: Approvals of the pull request as it is now, of people who may write to the repository. Those of bots do not count.
approvals := [a |
	some a in input.context.approvals
	a.current
	object.get(a, "type", "person") == "person"
	object.get(a, "writes", true)
]

# METADATA
# description: Somebody of the team, who may write to the repository, has approved the pull request as it is now.
approved_by(team) if {
	some approval in approvals
	team in approval.teams
}

# METADATA
# description: The author of the pull request belongs to the team.
author_in(team) if team in input.context.author_teams

# METADATA
# description: Columns that the view reads, itself or by way of other views. It takes a qualified name.
columns_read(view) := {column |
	some name in ({view} | graph.reachable(_needs, {view}))
	some column in _reads[name]
}

_reads := {v.object: v.reads | some v in input.after.views} # regal ignore:prefer-set-or-object-rule
