data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}
data "aws_region" "this" {}

locals {
  root = "arn:${data.aws_partition.this.partition}:iam::${data.aws_caller_identity.this.account_id}:root"
  logs = "arn:${data.aws_partition.this.partition}:logs:${data.aws_region.this.region}:${data.aws_caller_identity.this.account_id}:log-group:*"

  # One key per kind of thing, so that access to one kind is no access to another.
  keys = {
    cluster = "Secrets of the cluster"
    data    = "Buckets, secrets, database and images"
    logs    = "Logs and topics"
  }
}

resource "aws_kms_key" "this" {
  for_each = local.keys

  description             = "${var.name}: ${each.value}"
  enable_key_rotation     = true
  deletion_window_in_days = var.deletion_window_days
  policy                  = data.aws_iam_policy_document.this[each.key].json
  tags                    = merge(var.tags, { Name = "${var.name}-${each.key}" })
}

resource "aws_kms_alias" "this" {
  for_each = local.keys

  name          = "alias/${var.name}-${each.key}"
  target_key_id = aws_kms_key.this[each.key].key_id
}

data "aws_iam_policy_document" "this" {
  # checkov:skip=CKV_AWS_111:A key policy speaks of its own key only, whatever its resource says
  # checkov:skip=CKV_AWS_356:A key policy speaks of its own key only, whatever its resource says
  # checkov:skip=CKV_AWS_109:The account's own policies must be able to manage the key, or nobody could
  for_each = local.keys

  statement {
    sid       = "ByPoliciesOfTheAccount"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = [local.root]
    }
  }

  dynamic "statement" {
    for_each = each.key == "logs" ? { logs = "logs.${data.aws_region.this.region}.amazonaws.com" } : {}

    content {
      sid       = "ByCloudWatchLogs"
      actions   = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
      resources = ["*"]

      principals {
        type        = "Service"
        identifiers = [statement.value]
      }

      condition {
        test     = "ArnLike"
        variable = "kms:EncryptionContext:aws:logs:arn"
        values   = [local.logs]
      }
    }
  }

  dynamic "statement" {
    for_each = each.key == "logs" ? { topics = ["cloudwatch.amazonaws.com", "budgets.amazonaws.com"] } : {}

    content {
      sid       = "ByWhatPublishesToTopics"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey*"]
      resources = ["*"]

      principals {
        type        = "Service"
        identifiers = statement.value
      }

      condition {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [data.aws_caller_identity.this.account_id]
      }
    }
  }
}
