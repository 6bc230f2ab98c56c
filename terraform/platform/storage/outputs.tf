output "buckets" {
  description = "Names of the buckets: state, store, access_logs."
  value       = { state = module.state.name, store = module.store.name, access_logs = aws_s3_bucket.access_logs.id }
}

output "bucket_arns" {
  description = "ARNs of the buckets: state, store, access_logs."
  value       = { state = module.state.arn, store = module.store.arn, access_logs = aws_s3_bucket.access_logs.arn }
}

output "repository_arns" {
  description = "ARNs of the image repositories, by name."
  value       = { for name, repository in aws_ecr_repository.this : name => repository.arn }
}

output "repository_urls" {
  description = "Addresses of the image repositories, by name."
  value       = { for name, repository in aws_ecr_repository.this : name => repository.repository_url }
}

output "secret_arns" {
  description = "ARNs of the secrets, by name."
  value       = { for name, secret in aws_secretsmanager_secret.this : name => secret.arn }
}
