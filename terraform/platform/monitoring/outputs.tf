output "collector_config" {
  description = "Configuration of the collector that carries metrics to CloudWatch (YAML), for the chart."
  value       = yamlencode(local.collector)
}

output "log_group_arns" {
  description = "ARNs of the log groups: workers, metrics."
  value       = { for name, group in module.log_group : name => group.arn }
}

output "log_groups" {
  description = "Names of the log groups: workers, metrics."
  value       = { for name, group in module.log_group : name => group.name }
}

output "topic_arns" {
  description = "ARNs of the topics: alerts, notices."
  value       = { for name, topic in aws_sns_topic.this : name => topic.arn }
}
