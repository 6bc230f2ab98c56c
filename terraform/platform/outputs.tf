output "cluster" {
  description = "The cluster's name, for `aws eks update-kubeconfig --name`, and the address of its API."
  value       = { name = module.cluster.name, endpoint = module.cluster.endpoint }
}

output "collector_config" {
  description = "Configuration of the metrics collector, for the chart."
  value       = module.monitoring.collector_config
}

output "database" {
  description = "Camunda's database: host, name, and the secret that holds user and password."
  value = {
    host       = module.database.endpoint
    name       = module.database.database
    secret_arn = module.database.password_secret_arn
  }
}

output "delivery_role_arns" {
  description = "Role of the workflows, by environment of the repository."
  value       = try(module.delivery[0].role_arns, {})
}

output "environments" {
  description = "The key cloud of each file environments/<name>.yaml."
  value       = { for name, environment in module.environment : name => environment.cloud }
}

output "images" {
  description = "Addresses of the image repositories."
  value       = module.storage.repository_urls
}

output "nat_addresses" {
  description = "Public addresses from which the installation is seen, for others' allow lists."
  value       = module.network.nat_addresses
}

output "network" {
  description = "Where processes make machines: the VPC, the workload subnets, and the group that lets SSH in from the workers only."
  value = {
    vpc_id                    = module.network.vpc_id
    workload_subnet_ids       = module.network.subnet_ids["workload"]
    machine_security_group    = module.network.security_group_ids["machines"]
    load_balancer_group       = module.network.security_group_ids["load_balancers"]
    permissions_boundary_arn  = module.boundary.arn
    role_path_of_environments = { for name in keys(var.environments) : name => "${local.path}${name}/" }
  }
}

output "settings" {
  description = "Settings of the workers, for the chart."
  value = {
    AWS_REGION            = var.region
    SLUIS_STORE           = "s3://${module.storage.buckets["store"]}/${var.name}"
    SLUIS_STORE_KMS_KEY   = module.keys.arns["data"]
    SLUIS_STORE_LOCK_DAYS = tostring(local.keep ? 2555 : 0)
  }
}

output "state" {
  description = "The key state of environments' files."
  value       = { type = "s3", bucket = module.storage.buckets["state"], region = var.region, kms_key_id = module.keys.arns["data"] }
}

output "topic_arns" {
  description = "Topics: alerts (for those who run Sluis) and notices (notices.sns of environments)."
  value       = module.monitoring.topic_arns
}

output "worker_role_arn" {
  description = "Role of the workers, which environments in other accounts trust."
  value       = module.pods.worker_role_arn
}
