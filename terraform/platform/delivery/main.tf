# The pipeline's way in: GitHub says which workflow it is, AWS gives it a session of an hour. No key is stored anywhere.

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}
data "aws_region" "this" {}

locals {
  issuer   = "token.actions.githubusercontent.com"
  provider = var.existing_provider ? "arn:${data.aws_partition.this.partition}:iam::${data.aws_caller_identity.this.account_id}:oidc-provider/${local.issuer}" : one(aws_iam_openid_connect_provider.github[*].arn)
}

# One per account: where there is one already, it is used.
resource "aws_iam_openid_connect_provider" "github" {
  count = var.existing_provider ? 0 : 1

  url            = "https://${local.issuer}"
  client_id_list = ["sts.amazonaws.com"]
  tags           = var.tags
}

module "role" {
  source   = "../../modules/aws_iam_role"
  for_each = var.environments

  name                     = "${var.name}-deliver-${each.key}"
  description              = "Workflows of ${var.repository} that deliver to ${each.key}"
  path                     = var.role_path
  policies                 = { deliver = data.aws_iam_policy_document.this.json }
  permissions_boundary_arn = var.permissions_boundary_arn
  tags                     = var.tags

  trust = {
    oidc = [{
      provider_arn = local.provider
      issuer       = local.issuer
      # A job gets this subject only after GitHub's reviewers of that environment have let it through.
      subjects = ["repo:${var.repository}:environment:${each.key}"]
    }]
  }
}

data "aws_iam_policy_document" "this" {
  # checkov:skip=CKV_AWS_356:GetAuthorizationToken takes no resource
  statement {
    sid       = "SignInToTheRegistry"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"]
  }

  statement {
    sid = "PushAndPullImages"

    actions = [
      "ecr:BatchCheckLayerAvailability",
      "ecr:BatchGetImage",
      "ecr:CompleteLayerUpload",
      "ecr:DescribeImages",
      "ecr:GetDownloadUrlForLayer",
      "ecr:InitiateLayerUpload",
      "ecr:PutImage",
      "ecr:UploadLayerPart",
    ]

    resources = values(var.repository_arns)
  }

  statement {
    sid       = "FindTheCluster"
    actions   = ["eks:DescribeCluster"]
    resources = ["arn:${data.aws_partition.this.partition}:eks:${data.aws_region.this.region}:${data.aws_caller_identity.this.account_id}:cluster/${var.name}"]
  }
}
