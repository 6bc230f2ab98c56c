output "identities" {
  description = "Which pod is which role, for the cluster."
  value = merge(
    {
      worker         = { namespace = var.namespace, service_account = var.name, role_arn = module.worker.arn }
      collector      = { namespace = var.namespace, service_account = "${var.name}-collector", role_arn = module.collector.arn }
      secrets-reader = { namespace = "external-secrets", service_account = "external-secrets", role_arn = module.secrets_reader.arn }
    },
    { for name, pod in var.others : name => { namespace = pod.namespace, service_account = pod.service_account, role_arn = module.other[name].arn } },
  )
}

output "worker_role_arn" {
  description = "Role of the workers."
  value       = module.worker.arn
}
