# METADATA
# title: extensions are on the list
# description: |
#   An extension is code that runs in the server. The list holds what the team has looked at and
#   what its hosts have.
# custom:
#   id: SP104
#   params:
#     extensions:
#       default:
#         - btree_gin
#         - btree_gist
#         - citext
#         - hstore
#         - ltree
#         - pg_stat_statements
#         - pg_trgm
#         - pgcrypto
#         - plpgsql
#         - postgis
#         - unaccent
#         - uuid-ossp
#         - vector
#       description: Names of extensions that may be installed.
package library.security.allowed_extensions

deny contains {"message": message, "object": e.object} if {
	some e in input.after.extensions
	not e.name in input.params.SP104.extensions
	message := sprintf("extension %q is not on the list of allowed ones", [e.name])
}
