data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}

locals {
  arn = "arn:${data.aws_partition.this.partition}:iam::${data.aws_caller_identity.this.account_id}:policy${var.role_path}${var.name}-boundary"
}

# The most that any role of the installation, and any role that a process makes, can ever do.
resource "aws_iam_policy" "this" {
  name        = "${var.name}-boundary"
  path        = var.role_path
  description = "The most that roles of ${var.name} and of its environments can ever do"
  policy      = data.aws_iam_policy_document.this.json
  tags        = var.tags
}

data "aws_iam_policy_document" "this" {
  # checkov:skip=CKV_AWS_109:A boundary gives nothing; it bounds what other policies give
  # checkov:skip=CKV_AWS_111:A boundary gives nothing; it bounds what other policies give
  # checkov:skip=CKV_AWS_356:A boundary gives nothing; it bounds what other policies give
  # checkov:skip=CKV_AWS_107:A boundary gives nothing; it bounds what other policies give
  # checkov:skip=CKV_AWS_108:A boundary gives nothing; it bounds what other policies give
  # checkov:skip=CKV_AWS_110:A boundary gives nothing; it bounds what other policies give
  statement {
    sid       = "TheServicesOfTheCatalogueAndThePlatform"
    actions   = [for service in var.services : "${service}:*"]
    resources = ["*"]
  }

  statement {
    sid       = "NoRoleWithoutThisBoundary"
    effect    = "Deny"
    actions   = ["iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy", "iam:AttachRolePolicy"]
    resources = ["*"]

    condition {
      test     = "StringNotEquals"
      variable = "iam:PermissionsBoundary"
      values   = [local.arn]
    }
  }

  statement {
    sid       = "TheBoundaryStays"
    effect    = "Deny"
    actions   = ["iam:DeletePolicy", "iam:CreatePolicyVersion", "iam:DeletePolicyVersion", "iam:SetDefaultPolicyVersion"]
    resources = [local.arn]
  }

  statement {
    sid    = "NoWayAroundRoles"
    effect = "Deny"

    actions = [
      "iam:CreateUser",
      "iam:CreateAccessKey",
      "iam:CreateLoginProfile",
      "iam:CreateSAMLProvider",
      "iam:CreateOpenIDConnectProvider",
      "iam:DeleteRolePermissionsBoundary",
    ]

    resources = ["*"]
  }
}
