# METADATA
# title: SECURITY DEFINER functions set their search_path
# description: |
#   A SECURITY DEFINER function runs with its owner's rights and finds tables and functions
#   along the caller's search_path: a caller who may create a function takes the owner's rights
#   over.
# custom:
#   id: SP101
#   aliases: [splinter:function_search_path_mutable]
package library.security.definer_search_path

import data.assay

deny contains {"message": message, "object": f.object, "fix": fix} if {
	some f in input.after.functions
	f.security_definer
	not _sets_path(f)
	message := sprintf("function %q is SECURITY DEFINER and does not set search_path", [f.object])
	fix := sprintf("ALTER %s SET search_path = '';", [assay.sql_routine(f)])
}

_sets_path(f) if {
	some setting in f.config
	startswith(setting, "search_path=")
}
