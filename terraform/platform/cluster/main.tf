data "aws_partition" "this" {}

locals {
  aws_policies = "arn:${data.aws_partition.this.partition}:iam::aws:policy"
}

resource "aws_eks_cluster" "this" {
  name     = var.name
  version  = var.kubernetes_version
  role_arn = module.cluster_role.arn

  enabled_cluster_log_types     = ["api", "audit", "authenticator", "controllerManager", "scheduler"]
  bootstrap_self_managed_addons = false
  deletion_protection           = var.deletion_protection

  vpc_config {
    subnet_ids              = var.subnet_ids
    endpoint_private_access = true
    # checkov:skip=CKV_AWS_39:Only with var.api_cidrs, which is empty unless asked for and may not be 0.0.0.0/0
    endpoint_public_access = length(var.api_cidrs) > 0
    public_access_cidrs    = length(var.api_cidrs) > 0 ? var.api_cidrs : null
  }

  # Only access entries count; whoever made the cluster is nobody in it unless named.
  access_config {
    authentication_mode                         = "API"
    bootstrap_cluster_creator_admin_permissions = false
  }

  encryption_config {
    resources = ["secrets"]

    provider {
      key_arn = var.kms_key_arn
    }
  }

  # Standard support only: after it ends AWS upgrades the cluster rather than charge six times as much.
  upgrade_policy {
    support_type = "STANDARD"
  }

  tags = var.tags

  # The group must be there first, or EKS makes one that keeps logs for ever.
  depends_on = [module.log_group, module.cluster_role]
}

module "log_group" {
  source = "../../modules/aws_log_group"

  name           = "/aws/eks/${var.name}/cluster"
  retention_days = var.log_retention_days
  kms_key_arn    = var.log_kms_key_arn
  tags           = var.tags
}

module "cluster_role" {
  source = "../../modules/aws_iam_role"

  name                     = "${var.name}-cluster"
  description              = "The control plane of the cluster ${var.name}"
  path                     = var.role_path
  trust                    = { services = ["eks.amazonaws.com"] }
  managed_policy_arns      = ["${local.aws_policies}/AmazonEKSClusterPolicy"]
  permissions_boundary_arn = var.permissions_boundary_arn
  tags                     = var.tags
}
