# METADATA
# title: a constraint's name says what it is on
# custom:
#   id: REQ10
package requests.constraint_names

import data.assay

deny contains {"message": sprintf("%q is called %s, not %s", [key.object, key.name, name]), "object": key.object} if {
	some table in assay.tables
	some key in table.constraints
	suffix := suffixes[key.kind]
	name := sprintf("%s_%s_%s", [table.name, concat("_", key.columns), suffix])
	key.name != name
}

suffixes := {"foreign key": "fkey", "unique": "key"}
