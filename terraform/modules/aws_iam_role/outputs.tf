output "arn" {
  description = "ARN of the role."
  value       = aws_iam_role.this.arn
}

output "instance_profile" {
  description = "Name of the instance profile; null where EC2 may not be this role."
  value       = one(aws_iam_instance_profile.this[*].name)
}

output "name" {
  description = "Name of the role."
  value       = aws_iam_role.this.name
}
