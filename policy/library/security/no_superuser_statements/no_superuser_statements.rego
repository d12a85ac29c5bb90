# METADATA
# title: migrations do not need a superuser
# description: |
#   ALTER SYSTEM, COPY … PROGRAM, files of the server, roles with SUPERUSER or BYPASSRLS,
#   untrusted languages: a migration that needs them needs a superuser in production, and
#   whoever can write a migration becomes one.
# custom:
#   id: SP106
package library.security.no_superuser_statements

_patterns := {
	"changes settings of the whole server": `^\s*alter\s+system\b`,
	"runs a program on the server": `\bcopy\b[^;]*\bprogram\b`,
	"reads or writes files of the server": `^\s*copy\b[^;]*\b(from|to)\s+'|\bpg_read_(binary_)?file\(|\blo_import\(`,
	"makes a role that stands above the rules": `^\s*(create|alter)\s+(role|user)\b[^;]*[^o]\b(superuser|bypassrls|replication)\b`,
	"installs an untrusted language": `^\s*create\s+[^;]*\b(language|extension)\s+"?pl(perlu|python3?u|tclu)\b`,
}

deny contains {"message": message, "location": s.location} if {
	some s in input.statements
	some what, pattern in _patterns
	regex.match(pattern, lower(s.text))
	message := sprintf("this %s, which only a superuser may", [what])
}
