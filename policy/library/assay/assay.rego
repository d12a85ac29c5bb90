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
# description: Columns of those tables.
columns := [c |
	some t in tables
	some c in t.columns
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
# description: The team that owns the object, by the last pattern of the owners file that matches. Else undefined.
owner(name) := team if {
	matching := [o.team | some o in input.owners; _glob(o.pattern, name)]
	count(matching) > 0
	team := matching[count(matching) - 1]
}

# METADATA
# description: The object's name matches one of the globs, such as "audit.*" or "public.payment*".
matches_any(patterns, name) if {
	some pattern in patterns
	_glob(pattern, name)
}

_glob(pattern, name) if glob.match(pattern, null, name)

# METADATA
# description: The name matches the whole regular expression.
name_matches(pattern, name) if regex.match(sprintf("^(?:%s)$", [pattern]), name)

# METADATA
# description: The object needs the other one, itself or by way of others. Columns count as their table.
depends_on(name, other) if {
	name != other
	other in graph.reachable(_needs, {name})
}

# METADATA
# description: All objects that need the given one, itself or by way of others.
dependents(name) := graph.reachable(_needed_by, {name}) - {name}

_needs[d.object] contains d.on if some d in input.after.dependencies

_needed_by[d.on] contains d.object if some d in input.after.dependencies

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
# description: An index whose first columns are the given ones, in any order. Partial indexes do not count.
indexed(table, columns) if {
	some index in table.indexes
	index.predicate == ""
	index.valid
	{c | some c in array.slice(index.columns, 0, count(columns))} == {c | some c in columns}
}

# METADATA
# description: Somebody of the team has approved the pull request as it is now.
approved_by(team) if {
	some approval in input.context.approvals
	approval.current
	team in approval.teams
}
