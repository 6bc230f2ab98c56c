data "aws_caller_identity" "this" {}
data "aws_region" "this" {}

locals {
  namespace = "Sluis"
  metrics   = jsondecode(file("${path.module}/metrics.json"))

  log_groups = {
    workers = "What the workers say"
    metrics = "Metrics of the workers, in the embedded metric format"
  }
}

module "log_group" {
  source   = "../../modules/aws_log_group"
  for_each = local.log_groups

  name           = "/sluis/${var.name}/${each.key}"
  retention_days = var.log_retention_days
  kms_key_arn    = var.log_kms_key_arn
  tags           = var.tags
}

# alerts: for those who run Sluis. notices: what environments tell their people (notices.sns).
resource "aws_sns_topic" "this" {
  for_each = toset(["alerts", "notices"])

  name              = "${var.name}-${each.key}"
  kms_master_key_id = var.log_kms_key_arn
  tags              = var.tags
}

resource "aws_sns_topic_policy" "this" {
  for_each = aws_sns_topic.this

  arn    = each.value.arn
  policy = data.aws_iam_policy_document.topic[each.key].json
}

data "aws_iam_policy_document" "topic" {
  for_each = aws_sns_topic.this

  statement {
    sid       = "OnlyOverTls"
    effect    = "Deny"
    actions   = ["sns:Publish"]
    resources = [each.value.arn]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }

  dynamic "statement" {
    for_each = each.key == "alerts" ? { services = ["cloudwatch.amazonaws.com", "budgets.amazonaws.com"] } : {}

    content {
      sid       = "AlarmsAndBudgets"
      actions   = ["sns:Publish"]
      resources = [each.value.arn]

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

resource "aws_sns_topic_subscription" "alerts" {
  for_each = toset(var.alert_emails)

  topic_arn = aws_sns_topic.this["alerts"].arn
  protocol  = "email"
  endpoint  = each.value
}

resource "aws_budgets_budget" "this" {
  count = var.budget_usd > 0 ? 1 : 0

  name         = var.name
  budget_type  = "COST"
  limit_amount = tostring(var.budget_usd)
  limit_unit   = "USD"
  time_unit    = "MONTHLY"
  tags         = var.tags

  dynamic "notification" {
    for_each = { ACTUAL = 80, FORECASTED = 100 }

    content {
      notification_type         = notification.key
      threshold                 = notification.value
      threshold_type            = "PERCENTAGE"
      comparison_operator       = "GREATER_THAN"
      subscriber_sns_topic_arns = [aws_sns_topic.this["alerts"].arn]
    }
  }
}
