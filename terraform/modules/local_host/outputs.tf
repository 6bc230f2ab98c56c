output "escalation" {
  description = "Whether one may become root there. False for the user-level kind: roles do their user-level part only."
  value       = local.facts[0].kind == "namespaces"
}

output "hosts" {
  description = "The machines: where each listens, whom one logs in as, and its public host keys."
  value       = flatten(local.facts[*].hosts)
}

output "kind" {
  description = "What was made: \"namespaces\" or \"user_sshd\"."
  value       = local.facts[0].kind
}

output "network" {
  description = "\"nat\": own address and a way out. \"host-only\": own address, no way out (no iptables). \"shared\": the host's loopback interface."
  value       = local.facts[0].network
}

output "reason" {
  description = "Why it is that kind."
  value       = local.facts[0].reason
}
