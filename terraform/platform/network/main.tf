module "network" {
  source = "../../modules/aws_network"

  name  = var.name
  cidr  = var.cidr
  zones = var.zones
  nat   = var.nat

  # A /16 is cut into: 16384 addresses each for pods and for the machines that processes make, 4096 each for load
  # balancers with NAT, and for the database; half of the rest of it stays free.
  tiers = {
    orchestrator = { cidr = cidrsubnet(var.cidr, 2, 0), kind = "private", tags = local.internal }
    workload     = { cidr = cidrsubnet(var.cidr, 2, 1), kind = "private" }
    public       = { cidr = cidrsubnet(var.cidr, 4, 8), kind = "public", tags = { "kubernetes.io/role/elb" = "1" } }
    data         = { cidr = cidrsubnet(var.cidr, 4, 9), kind = "isolated" }
  }

  endpoints = { gateway = ["s3"], interface = var.interface_endpoints, tier = "orchestrator" }
  flow_logs = { retention_days = var.log_retention_days, kms_key_arn = var.log_kms_key_arn }

  permissions_boundary_arn = var.permissions_boundary_arn
  tags                     = var.tags
}

locals {
  internal = { "kubernetes.io/role/internal-elb" = "1" }
}
