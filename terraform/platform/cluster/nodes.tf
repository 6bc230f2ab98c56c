module "node_role" {
  source = "../../modules/aws_iam_role"

  name        = "${var.name}-node"
  description = "Nodes of the cluster ${var.name}: join it and pull images"
  path        = var.role_path
  trust       = { services = ["ec2.amazonaws.com"] }

  managed_policy_arns = [
    "${local.aws_policies}/AmazonEKSWorkerNodeMinimalPolicy",
    "${local.aws_policies}/AmazonEC2ContainerRegistryPullOnly",
  ]

  permissions_boundary_arn = var.permissions_boundary_arn
  tags                     = var.tags
}

resource "aws_launch_template" "this" {
  for_each = var.node_groups

  name                   = "${var.name}-${each.key}"
  description            = "Nodes of the group ${each.key} of ${var.name}"
  update_default_version = true
  vpc_security_group_ids = [aws_eks_cluster.this.vpc_config[0].cluster_security_group_id, var.node_security_group_id]

  # One hop: pods cannot reach it and so cannot become the node.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      encrypted             = true
      volume_size           = each.value.disk_gb
      volume_type           = "gp3"
      delete_on_termination = true
    }
  }

  monitoring {
    enabled = true
  }

  dynamic "tag_specifications" {
    for_each = toset(["instance", "volume", "network-interface"])

    content {
      resource_type = tag_specifications.value
      tags          = merge(var.tags, { Name = "${var.name}-${each.key}" })
    }
  }

  tags = var.tags
}

resource "aws_eks_node_group" "this" {
  for_each = var.node_groups

  cluster_name    = aws_eks_cluster.this.name
  node_group_name = each.key
  node_role_arn   = module.node_role.arn
  subnet_ids      = var.subnet_ids
  version         = var.kubernetes_version
  ami_type        = "AL2023_x86_64_STANDARD"
  capacity_type   = "ON_DEMAND"
  instance_types  = [each.value.instance_type]
  labels          = { "sluis/pool" = each.key }

  launch_template {
    id      = aws_launch_template.this[each.key].id
    version = aws_launch_template.this[each.key].latest_version
  }

  scaling_config {
    min_size     = each.value.min
    desired_size = each.value.min
    max_size     = each.value.max
  }

  # A third at a time: brokers of Camunda need a majority, and applies that run need their grace.
  update_config {
    max_unavailable_percentage = 33
  }

  node_repair_config {
    enabled = true
  }

  tags = var.tags

  lifecycle {
    # The autoscaler's business.
    ignore_changes = [scaling_config[0].desired_size]
  }

  depends_on = [module.node_role, aws_eks_addon.before_nodes]
}
