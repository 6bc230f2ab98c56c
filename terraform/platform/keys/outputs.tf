output "arns" {
  description = "ARNs of the keys: cluster, data, logs."
  value       = { for name, key in aws_kms_key.this : name => key.arn }
}
