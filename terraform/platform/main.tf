terraform {
  # Bucket, key and region are given to init: see docs/how-to/run-on-aws.md.
  backend "s3" {
    use_lockfile = true
    encrypt      = true
  }
}

provider "aws" {
  region              = var.region
  allowed_account_ids = [var.account]

  default_tags {
    tags = merge(var.tags, { "sluis:platform" = var.name })
  }
}

locals {
  zones  = length(var.zones) > 0 ? var.zones : [for letter in ["a", "b", "c"] : "${var.region}${letter}"]
  prefix = "${var.name}-${var.account}-${var.region}"
  path   = "/${var.name}/"
  tags   = {}
}

module "boundary" {
  source = "./boundary"

  name      = var.name
  role_path = local.path
  tags      = local.tags
}

module "keys" {
  source = "./keys"

  name                 = var.name
  deletion_window_days = local.size.key_deletion_days
  tags                 = local.tags
}

module "network" {
  source = "./network"

  name                     = var.name
  cidr                     = var.cidr
  zones                    = local.zones
  nat                      = local.size.nat
  interface_endpoints      = local.size.interface_endpoints
  people_cidrs             = var.people_cidrs
  host_cidrs               = var.host_cidrs
  log_retention_days       = local.size.log_retention_days
  log_kms_key_arn          = module.keys.arns["logs"]
  permissions_boundary_arn = module.boundary.arn
  tags                     = local.tags
}

module "storage" {
  source = "./storage"

  name              = var.name
  prefix            = local.prefix
  kms_key_arn       = module.keys.arns["data"]
  repositories      = ["${var.name}/sluis"]
  secrets           = var.secrets
  access_log_days   = local.size.log_retention_days
  old_versions_days = local.size.old_versions_days
  recovery_days     = local.size.recovery_days
  force_destroy     = !local.keep
  tags              = local.tags
}

module "database" {
  source = "./database"

  name                     = var.name
  engine_version           = var.postgres_version
  capacity                 = local.size.database.capacity
  instances                = local.size.database.instances
  backup_days              = local.size.database.backup_days
  subnet_ids               = module.network.subnet_ids["data"]
  security_group_ids       = [module.network.security_group_ids["database"]]
  kms_key_arn              = module.keys.arns["data"]
  log_kms_key_arn          = module.keys.arns["logs"]
  log_retention_days       = local.size.log_retention_days
  deletion_protection      = local.keep
  permissions_boundary_arn = module.boundary.arn
  role_path                = local.path
  tags                     = local.tags
}

module "monitoring" {
  source = "./monitoring"

  name               = var.name
  namespace          = "sluis"
  database_id        = module.database.id
  alert_emails       = var.alert_emails
  approval_hours     = var.approval_hours
  failed_jobs        = 5
  budget_usd         = var.budget_usd
  log_kms_key_arn    = module.keys.arns["logs"]
  log_retention_days = local.size.log_retention_days
  tags               = local.tags
}

module "pods" {
  source = "./pods"

  name                     = var.name
  namespace                = "sluis"
  bucket_arns              = { for name in ["state", "store"] : name => module.storage.bucket_arns[name] }
  kms_key_arns             = [module.keys.arns["data"], module.keys.arns["logs"]]
  secret_arns              = concat(values(module.storage.secret_arns), [module.database.password_secret_arn])
  log_group_arns           = values(module.monitoring.log_group_arns)
  topic_arns               = [module.monitoring.topic_arns["notices"]]
  other_accounts           = var.other_accounts
  others                   = { for name, pod in var.more_pods : name => merge(pod, { policy = file(pod.policy_file) }) }
  permissions_boundary_arn = module.boundary.arn
  role_path                = local.path
  tags                     = local.tags
}

module "cluster" {
  source = "./cluster"

  name                     = var.name
  kubernetes_version       = var.kubernetes_version
  addon_versions           = var.addon_versions
  subnet_ids               = module.network.subnet_ids["orchestrator"]
  node_security_group_id   = module.network.security_group_ids["nodes"]
  node_groups              = local.size.node_groups
  api_cidrs                = var.api_cidrs
  namespaces               = ["sluis", "camunda"]
  pod_identities           = module.pods.identities
  kms_key_arn              = module.keys.arns["cluster"]
  log_kms_key_arn          = module.keys.arns["logs"]
  log_retention_days       = local.size.log_retention_days
  deletion_protection      = local.keep
  permissions_boundary_arn = module.boundary.arn
  role_path                = local.path
  tags                     = local.tags

  access = {
    admins    = var.cluster_admins
    viewers   = var.cluster_viewers
    deployers = { for name in try(var.github.environments, []) : "deliver-${name}" => module.delivery[0].role_arns[name] }
  }
}

module "environment" {
  source   = "./environment"
  for_each = var.environments

  name                     = var.name
  environment              = each.key
  modules                  = each.value.modules
  worker_role_arn          = module.pods.worker_role_arn
  protected_bucket_arns    = values(module.storage.bucket_arns)
  permissions_boundary_arn = module.boundary.arn
  role_path                = local.path
  tags                     = local.tags
}

module "delivery" {
  source = "./delivery"
  count  = var.github == null ? 0 : 1

  name                     = var.name
  repository               = var.github.repository
  environments             = var.github.environments
  existing_provider        = var.github.existing_provider
  repository_arns          = module.storage.repository_arns
  permissions_boundary_arn = module.boundary.arn
  role_path                = local.path
  tags                     = local.tags
}

locals {
  keep = coalesce(var.deletion_protection, local.size.keep)
}
