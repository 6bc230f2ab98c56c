# What the workers may do for one environment, in the account that this is applied in: read for a plan, change for an
# apply. Each module of the catalogue that the environment may use brings its own permissions (permissions.json).

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}
data "aws_region" "this" {}

locals {
  partition   = data.aws_partition.this.partition
  account     = data.aws_caller_identity.this.account_id
  permissions = jsondecode(file("${path.module}/permissions.json"))

  # Roles that processes make for this environment, and nobody else's.
  path  = "${var.role_path}${var.environment}/"
  roles = [for kind in ["role", "instance-profile"] : "arn:${local.partition}:iam::${local.account}:${kind}${local.path}*"]

  read  = sort(distinct(flatten([for module in var.modules : local.permissions[module].read])))
  write = sort(distinct(flatten([for module in var.modules : local.permissions[module].write])))

  write_roles   = [for action in local.write : action if startswith(action, "iam:") && !startswith(action, "iam:PassRole")]
  write_passed  = distinct(flatten([for module in var.modules : lookup(local.permissions[module], "passed_to", [])]))
  write_regions = [for action in local.write : action if !startswith(action, "iam:")]
}

module "plan_role" {
  source = "../../modules/aws_iam_role"

  name                     = "${var.name}-${var.environment}-plan"
  description              = "Plans of the environment ${var.environment}: reads, changes nothing"
  path                     = var.role_path
  trust                    = local.trust
  policies                 = { read = data.aws_iam_policy_document.read.json }
  permissions_boundary_arn = var.permissions_boundary_arn
  tags                     = var.tags
}

module "apply_role" {
  source = "../../modules/aws_iam_role"

  name                     = "${var.name}-${var.environment}-apply"
  description              = "Applies of approved changes of the environment ${var.environment}"
  path                     = var.role_path
  trust                    = local.trust
  max_session_hours        = var.apply_hours
  permissions_boundary_arn = var.permissions_boundary_arn
  tags                     = var.tags

  policies = {
    read  = data.aws_iam_policy_document.read.json
    write = data.aws_iam_policy_document.write.json
  }
}

locals {
  trust = { principal_arns = [var.worker_role_arn], external_id = "${var.name}/${var.environment}" }
}

data "aws_iam_policy_document" "read" {
  # checkov:skip=CKV_AWS_356:Describe and List take no resource
  statement {
    sid       = "WhatPlansLookAt"
    actions   = concat(local.read, ["tag:GetResources"])
    resources = ["*"]
  }
}

data "aws_iam_policy_document" "write" {
  # checkov:skip=CKV_AWS_111:What is made has no name yet; region, boundary and the denials below bound it
  # checkov:skip=CKV_AWS_356:What is made has no name yet; region, boundary and the denials below bound it
  # checkov:skip=CKV_AWS_109:Buckets and topics of the environment carry policies; the boundary bounds roles
  dynamic "statement" {
    for_each = length(local.write_regions) > 0 ? [local.write_regions] : []

    content {
      sid       = "WhatTheModulesMake"
      actions   = statement.value
      resources = ["*"]

      # CloudFront has no region, and is asked for in us-east-1.
      condition {
        test     = "StringEquals"
        variable = "aws:RequestedRegion"
        values   = distinct([data.aws_region.this.region, "us-east-1"])
      }
    }
  }

  dynamic "statement" {
    for_each = length(local.write_roles) > 0 ? [local.write_roles] : []

    content {
      sid       = "RolesOfThisEnvironment"
      actions   = statement.value
      resources = local.roles
    }
  }

  dynamic "statement" {
    for_each = length(local.write_passed) > 0 ? [local.write_passed] : []

    content {
      sid       = "PassThemToServices"
      actions   = ["iam:PassRole"]
      resources = local.roles

      condition {
        test     = "StringEquals"
        variable = "iam:PassedToService"
        values   = statement.value
      }
    }
  }

  # Using the platform's subnets, groups and keys is fine; changing them is not.
  statement {
    sid    = "ChangeNothingOfThePlatform"
    effect = "Deny"

    actions = [
      "ec2:Authorize*",
      "ec2:CreateTags",
      "ec2:Delete*",
      "ec2:Detach*",
      "ec2:Disassociate*",
      "ec2:Modify*",
      "ec2:Release*",
      "ec2:Replace*",
      "ec2:Revoke*",
      "ec2:Stop*",
      "ec2:Terminate*",
      "iam:*Role*",
      "logs:Delete*",
      "logs:*Retention*",
      "rds:*",
      "secretsmanager:*",
    ]

    resources = ["*"]

    condition {
      test     = "StringLike"
      variable = "aws:ResourceTag/sluis:platform"
      values   = ["*"]
    }
  }

  dynamic "statement" {
    for_each = length(var.protected_bucket_arns) > 0 ? [var.protected_bucket_arns] : []

    content {
      sid       = "NoBucketOfThePlatform"
      effect    = "Deny"
      actions   = ["s3:*"]
      resources = flatten([for arn in statement.value : [arn, "${arn}/*"]])
    }
  }
}
