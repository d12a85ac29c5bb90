# METADATA
# title: the file's first comment names the ticket
# custom:
#   id: REQ24
#   per: migration
#   params: {pattern: {default: '\b[A-Z]+-[0-9]+\b', description: Regular expression for a ticket.}}
package requests.ticket

deny contains {"message": "the first comment names no ticket, such as SHOP-123", "location": migration.location} if {
	some migration in input.migrations
	not regex.match(input.params.REQ24.pattern, migration.header)
}
