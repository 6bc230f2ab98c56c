resource "aws_iam_role" "this" {
  name                  = var.name
  description           = var.description
  path                  = var.path
  assume_role_policy    = jsonencode({ Version = "2012-10-17", Statement = local.trust })
  max_session_duration  = var.max_session_hours * 3600
  permissions_boundary  = var.permissions_boundary_arn
  force_detach_policies = true
  tags                  = var.tags
}

resource "aws_iam_role_policy" "this" {
  for_each = var.policies

  role   = aws_iam_role.this.id
  name   = each.key
  policy = each.value
}

resource "aws_iam_role_policy_attachment" "this" {
  for_each = var.managed_policy_arns

  role       = aws_iam_role.this.name
  policy_arn = each.value
}

resource "aws_iam_instance_profile" "this" {
  count = contains(var.trust.services, "ec2.amazonaws.com") ? 1 : 0

  name = var.name
  path = var.path
  role = aws_iam_role.this.name
  tags = var.tags
}

locals {
  trust_services = [for service in var.trust.services : {
    Effect    = "Allow"
    Action    = service == "pods.eks.amazonaws.com" ? ["sts:AssumeRole", "sts:TagSession"] : ["sts:AssumeRole"]
    Principal = { Service = service }
  }]

  trust_roles = length(var.trust.principal_arns) == 0 ? [] : [merge(
    {
      Effect    = "Allow"
      Action    = ["sts:AssumeRole", "sts:TagSession"]
      Principal = { AWS = sort(var.trust.principal_arns) }
    },
    var.trust.external_id == null ? {} : { Condition = { StringEquals = { "sts:ExternalId" = var.trust.external_id } } },
  )]

  trust_oidc = [for oidc in var.trust.oidc : {
    Effect    = "Allow"
    Action    = ["sts:AssumeRoleWithWebIdentity"]
    Principal = { Federated = oidc.provider_arn }
    Condition = {
      StringEquals = { "${oidc.issuer}:aud" = oidc.audience }
      StringLike   = { "${oidc.issuer}:sub" = oidc.subjects }
    }
  }]

  # Through JSON, because the statements differ in shape.
  trust = flatten([for part in [jsonencode(local.trust_services), jsonencode(local.trust_roles), jsonencode(local.trust_oidc)] : jsondecode(part)])
}
