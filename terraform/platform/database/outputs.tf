output "database" {
  description = "Name of Camunda's database."
  value       = aws_rds_cluster.this.database_name
}

output "endpoint" {
  description = "Host name that always leads to the instance that writes."
  value       = aws_rds_cluster.this.endpoint
}

output "id" {
  description = "Identifier of the database cluster, as metrics carry it."
  value       = aws_rds_cluster.this.cluster_identifier
}

output "password_secret_arn" {
  description = "Secret that holds user and password; AWS changes it every seven days."
  value       = one(aws_rds_cluster.this.master_user_secret[*].secret_arn)
}
