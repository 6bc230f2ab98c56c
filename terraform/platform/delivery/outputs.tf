output "role_arns" {
  description = "Role of the workflows, by environment of the repository."
  value       = { for name, role in module.role : name => role.arn }
}
