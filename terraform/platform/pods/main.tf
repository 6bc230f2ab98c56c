data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}
data "aws_region" "this" {}

locals {
  partition = data.aws_partition.this.partition
  account   = data.aws_caller_identity.this.account_id
  here      = "${data.aws_region.this.region}:${local.account}"

  # Roles of environments in other accounts are named the same.
  environment_roles = [for account in concat([local.account], var.other_accounts) : "arn:${local.partition}:iam::${account}:role${var.role_path}${var.name}-*"]

  trust = { services = ["pods.eks.amazonaws.com"] }
}

module "worker" {
  source = "../../modules/aws_iam_role"

  name                     = "${var.name}-worker"
  description              = "The workers: their record, their secrets, and becoming the roles of environments"
  path                     = var.role_path
  trust                    = local.trust
  policies                 = { work = data.aws_iam_policy_document.worker.json }
  max_session_hours        = 12
  permissions_boundary_arn = var.permissions_boundary_arn
  tags                     = var.tags
}

data "aws_iam_policy_document" "worker" {
  statement {
    sid       = "FindObjects"
    actions   = ["s3:ListBucket", "s3:ListBucketVersions", "s3:GetBucketObjectLockConfiguration"]
    resources = values(var.bucket_arns)
  }

  statement {
    sid       = "RecordAndStates"
    actions   = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:PutObjectRetention", "s3:DeleteObject"]
    resources = [for arn in values(var.bucket_arns) : "${arn}/*"]
  }

  statement {
    sid       = "NobodyRemovesAVersion"
    effect    = "Deny"
    actions   = ["s3:DeleteObjectVersion", "s3:BypassGovernanceRetention"]
    resources = [for arn in values(var.bucket_arns) : "${arn}/*"]
  }

  statement {
    sid       = "ReadAndEncrypt"
    actions   = ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"]
    resources = var.kms_key_arns
  }

  statement {
    sid = "SecretsOfTheInstallation"

    actions = [
      "secretsmanager:CreateSecret",
      "secretsmanager:DescribeSecret",
      "secretsmanager:GetSecretValue",
      "secretsmanager:PutSecretValue",
      "secretsmanager:TagResource",
    ]

    resources = ["arn:${local.partition}:secretsmanager:${local.here}:secret:${var.name}/*"]
  }

  statement {
    sid       = "TellPeople"
    actions   = ["sns:Publish"]
    resources = var.topic_arns
  }

  statement {
    sid       = "BecomeRolesOfEnvironments"
    actions   = ["sts:AssumeRole", "sts:TagSession"]
    resources = local.environment_roles
  }

  # The key is good for 60 seconds, for one user of one machine that processes made.
  statement {
    sid       = "SignInToMachines"
    actions   = ["ec2-instance-connect:SendSSHPublicKey"]
    resources = ["arn:${local.partition}:ec2:${local.here}:instance/*"]

    condition {
      test     = "StringLike"
      variable = "aws:ResourceTag/sluis:stack"
      values   = ["*"]
    }
  }
}

# What carries the workers' metrics to CloudWatch: it may write into one log group.
module "collector" {
  source = "../../modules/aws_iam_role"

  name                     = "${var.name}-collector"
  description              = "The collector that carries metrics of ${var.name} to CloudWatch"
  path                     = var.role_path
  trust                    = local.trust
  permissions_boundary_arn = var.permissions_boundary_arn
  tags                     = var.tags

  policies = {
    write = jsonencode({
      Version = "2012-10-17"
      Statement = [{
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
        Resource = [for arn in var.log_group_arns : "${arn}:*"]
      }]
    })
  }
}

# What copies secrets into the cluster, where the chart is told to (ExternalSecrets): it may read the named ones.
module "secrets_reader" {
  source = "../../modules/aws_iam_role"

  name                     = "${var.name}-secrets-reader"
  description              = "Reads the secrets of ${var.name} for the cluster"
  path                     = var.role_path
  trust                    = local.trust
  permissions_boundary_arn = var.permissions_boundary_arn
  tags                     = var.tags

  policies = {
    read = jsonencode({
      Version = "2012-10-17"
      Statement = [
        {
          Effect   = "Allow"
          Action   = ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"]
          Resource = var.secret_arns
        },
        { Effect = "Allow", Action = ["kms:Decrypt"], Resource = var.kms_key_arns },
      ]
    })
  }
}

module "other" {
  source   = "../../modules/aws_iam_role"
  for_each = var.others

  name                     = "${var.name}-${each.key}"
  description              = "The pods ${each.key} of ${var.name}"
  path                     = var.role_path
  trust                    = local.trust
  policies                 = { given = each.value.policy }
  permissions_boundary_arn = var.permissions_boundary_arn
  tags                     = var.tags
}
