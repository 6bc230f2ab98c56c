# What nobody should find open. A rule may name itself (`rule`), where it looked (`place`) and how much it matters
# (`severity`). A finding is known by rule and place: keep
# them the same when the words change.
package network

import rego.v1

administration := {22, 3389}

everybody := {"0.0.0.0/0", "::/0"}

deny contains {"msg": msg, "rule": "open_administration", "place": resource.address, "severity": "high"} if {
	some resource in input.resource_changes
	resource.type in {"aws_vpc_security_group_ingress_rule", "aws_security_group_rule"}
	rule := resource.change.after
	opened_to_everybody(rule)
	some port in administration
	rule.from_port <= port
	rule.to_port >= port
	msg := sprintf("%s lets everybody reach port %d", [resource.address, port])
}

opened_to_everybody(rule) if rule.cidr_ipv4 in everybody

opened_to_everybody(rule) if rule.cidr_ipv6 in everybody

opened_to_everybody(rule) if {
	some range in rule.cidr_blocks
	range in everybody
}
