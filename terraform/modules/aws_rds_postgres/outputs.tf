output "address" {
  description = "Host name of the server."
  value       = aws_db_instance.this.address
}

output "arn" {
  description = "ARN of the server."
  value       = aws_db_instance.this.arn
}

output "database" {
  description = "Name of the first database."
  value       = aws_db_instance.this.db_name
}

output "password_secret_arn" {
  description = "ARN of the secret in Secrets Manager that holds user and password; refer to it as secret://aws-sm/<ARN>#password."
  value       = one(aws_db_instance.this.master_user_secret[*].secret_arn)
}

output "port" {
  description = "Port of the server."
  value       = aws_db_instance.this.port
}
