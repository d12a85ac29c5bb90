# METADATA
# title: no migrations in a freeze
# description: |
#   In the days before the great sale nobody wants to wait for a lock. Each window is a pair of
#   times as 2026-12-20T00:00:00Z.
# custom:
#   id: CC102
#   params:
#     windows:
#       default: []
#       description: Pairs of times.
#       format: windows
#     label:
#       default: "urgent"
#       description: Label that lets a migration through.
package library.change_control.freeze

deny contains {"message": message} if {
	count(input.statements) > 0
	not input.params.CC102.label in input.context.labels
	now := time.now_ns()
	some window in input.params.CC102.windows
	time.parse_rfc3339_ns(window[0]) <= now
	now < time.parse_rfc3339_ns(window[1])
	message := sprintf("migrations are frozen until %s", [window[1]])
}
