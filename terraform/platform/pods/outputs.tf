output "identities" {
  description = "Which pod is which role, for the cluster."
  value = merge(
    # The chart gives each pool of workers a service account of its own.
    { for pool in var.pools : "worker-${pool}" => { namespace = var.namespace, service_account = "sluis-${pool}", role_arn = module.worker.arn } },
    {
      collector      = { namespace = var.namespace, service_account = "sluis-collector", role_arn = module.collector.arn }
      secrets-reader = { namespace = "external-secrets", service_account = "external-secrets", role_arn = module.secrets_reader.arn }
    },
    { for name, pod in var.others : name => { namespace = pod.namespace, service_account = pod.service_account, role_arn = module.other[name].arn } },
  )
}

output "worker_role_arn" {
  description = "Role of the workers."
  value       = module.worker.arn
}
