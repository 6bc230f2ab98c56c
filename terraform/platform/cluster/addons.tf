locals {
  # Without these no node becomes ready.
  before_nodes = {
    vpc-cni                = { enableNetworkPolicy = "true" }
    kube-proxy             = {}
    eks-pod-identity-agent = {}
  }

  after_nodes = {
    coredns            = {}
    aws-ebs-csi-driver = {}
    metrics-server     = {}
  }
}

resource "aws_eks_addon" "before_nodes" {
  for_each = local.before_nodes

  cluster_name                = aws_eks_cluster.this.name
  addon_name                  = each.key
  addon_version               = lookup(var.addon_versions, each.key, null)
  configuration_values        = length(each.value) > 0 ? jsonencode(each.value) : null
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "PRESERVE"
  tags                        = var.tags

  dynamic "pod_identity_association" {
    for_each = each.key == "vpc-cni" ? { aws-node = module.network_role.arn } : {}

    content {
      service_account = pod_identity_association.key
      role_arn        = pod_identity_association.value
    }
  }
}

resource "aws_eks_addon" "after_nodes" {
  for_each = local.after_nodes

  cluster_name                = aws_eks_cluster.this.name
  addon_name                  = each.key
  addon_version               = lookup(var.addon_versions, each.key, null)
  configuration_values        = length(each.value) > 0 ? jsonencode(each.value) : null
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "PRESERVE"
  tags                        = var.tags

  dynamic "pod_identity_association" {
    for_each = each.key == "aws-ebs-csi-driver" ? { ebs-csi-controller-sa = module.disk_role.arn } : {}

    content {
      service_account = pod_identity_association.key
      role_arn        = pod_identity_association.value
    }
  }

  depends_on = [aws_eks_node_group.this]
}

module "network_role" {
  source = "../../modules/aws_iam_role"

  name                     = "${var.name}-pod-network"
  description              = "The add-on that gives pods of ${var.name} their addresses"
  path                     = var.role_path
  trust                    = { services = ["pods.eks.amazonaws.com"] }
  managed_policy_arns      = ["${local.aws_policies}/AmazonEKS_CNI_Policy"]
  permissions_boundary_arn = var.permissions_boundary_arn
  tags                     = var.tags
}

module "disk_role" {
  source = "../../modules/aws_iam_role"

  name                     = "${var.name}-disks"
  description              = "The driver that makes disks for pods of ${var.name}"
  path                     = var.role_path
  trust                    = { services = ["pods.eks.amazonaws.com"] }
  managed_policy_arns      = ["${local.aws_policies}/service-role/AmazonEBSCSIDriverPolicy"]
  permissions_boundary_arn = var.permissions_boundary_arn
  tags                     = var.tags
}
