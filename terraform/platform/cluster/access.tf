locals {
  cluster_policies = "arn:${data.aws_partition.this.partition}:eks::aws:cluster-access-policy"

  access = merge(
    { for arn in var.access.admins : arn => { policy = "AmazonEKSClusterAdminPolicy", namespaces = [] } },
    { for arn in var.access.viewers : arn => { policy = "AmazonEKSViewPolicy", namespaces = [] } },
    { for name, arn in var.access.deployers : name => { policy = "AmazonEKSAdminPolicy", namespaces = var.namespaces } },
  )

  principals = merge({ for arn in concat(var.access.admins, var.access.viewers) : arn => arn }, var.access.deployers)
}

resource "aws_eks_access_entry" "this" {
  for_each = local.access

  cluster_name  = aws_eks_cluster.this.name
  principal_arn = local.principals[each.key]
  type          = "STANDARD"
  tags          = var.tags
}

resource "aws_eks_access_policy_association" "this" {
  for_each = local.access

  cluster_name  = aws_eks_cluster.this.name
  principal_arn = aws_eks_access_entry.this[each.key].principal_arn
  policy_arn    = "${local.cluster_policies}/${each.value.policy}"

  access_scope {
    type       = length(each.value.namespaces) > 0 ? "namespace" : "cluster"
    namespaces = length(each.value.namespaces) > 0 ? each.value.namespaces : null
  }
}

# Which pod is which role: no key in the cluster, and none in the pods' settings.
resource "aws_eks_pod_identity_association" "this" {
  for_each = var.pod_identities

  cluster_name    = aws_eks_cluster.this.name
  namespace       = each.value.namespace
  service_account = each.value.service_account
  role_arn        = each.value.role_arn
  tags            = var.tags
}
