# Data that is not to be read by strangers, nor lost by a slip.
package data_protection

import rego.v1

deny contains {"msg": msg, "rule": "database_not_encrypted", "place": resource.address, "severity": "high"} if {
	some resource in input.resource_changes
	resource.type == "aws_db_instance"
	resource.change.after.storage_encrypted == false
	msg := sprintf("%s keeps its data in clear", [resource.address])
}

deny contains {"msg": msg, "rule": "database_open", "place": resource.address, "severity": "critical"} if {
	some resource in input.resource_changes
	resource.type == "aws_db_instance"
	resource.change.after.publicly_accessible == true
	msg := sprintf("%s can be reached from the internet", [resource.address])
}

warn contains {"msg": msg, "rule": "secret_in_clear", "place": resource.address, "severity": "medium"} if {
	some resource in input.resource_changes
	resource.type == "local_file"
	some word in {"password", "secret", "token"}
	contains(lower(resource.change.after.filename), word)
	msg := sprintf("%s writes what its name calls a secret into a file that is not marked as sensitive", [resource.address])
}
