# METADATA
# title: a breaking change comes without code
# description: |
#   Code and schema do not change at one instant. A pull request that drops or renames what the
#   running version uses and changes the code with it is wrong for as long as the deployment
#   takes, and cannot be taken back.
# custom:
#   id: EC101
#   params:
#     code:
#       default: ["*.go", "*.py", "*.rb", "*.ts", "*.js", "*.java", "*.kt", "*.cs", "*.php", "*.rs"]
#       description: Globs of files that are code.
package library.expand_contract.no_code_with_breaking

import data.assay

_breaking := {"drop_table", "drop_column", "rename_table", "rename_column", "move_table", "alter_column_type", "drop_view", "drop_function", "rename_function"}

deny contains {"message": message, "object": change.object, "location": change.location} if {
	some change in input.changes
	change.type in _breaking
	not _made_here(change)
	some file in input.context.changed_files
	assay.matches_any(input.params.EC101.code, file)
	message := sprintf("%s breaks the running version, and the pull request changes code (%s)", [change.text, _first])
}

# Of many files the message names one.
_first := [file | some file in sort(input.context.changed_files); assay.matches_any(input.params.EC101.code, file)][0]

_made_here(change) if {
	change.table != ""
	not assay.origin(change.table) in {t.object | some list in [input.before.tables, input.before.views]; some t in list}
}
