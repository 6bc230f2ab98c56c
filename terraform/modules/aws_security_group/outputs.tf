output "arn" {
  description = "ARN of the group."
  value       = aws_security_group.this.arn
}

output "id" {
  description = "Id of the group, for other modules."
  value       = aws_security_group.this.id
}
