locals {
  here = { Installation = var.name }

  alarms = {
    no-worker = {
      description = "No worker runs, or none reaches Camunda. See docs/runbooks/README.md."
      metric      = "sluis_engine_up"
      dimensions  = local.here
      below       = 1
      minutes     = 5
      missing     = "breaching"
    }
    approval-too-old = {
      description = "A change has waited for people for more than ${var.approval_hours} hours."
      metric      = "sluis_approvals_oldest_seconds"
      dimensions  = local.here
      above       = var.approval_hours * 3600
      minutes     = 5
      missing     = "notBreaching"
    }
    drift = {
      description = "Somebody changed by hand what Sluis made."
      metric      = "sluis_drift_found_total"
      dimensions  = local.here
      above       = 0
      minutes     = 60
      missing     = "notBreaching"
    }
    leases-lost = {
      description = "Jobs were given up by the engine while they ran: workers are overloaded, or the engine is."
      metric      = "sluis_leases_lost_total"
      dimensions  = local.here
      above       = 5
      minutes     = 15
      missing     = "notBreaching"
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = local.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = local.metrics[each.value.metric].statistic
  comparison_operator = can(each.value.below) ? "LessThanThreshold" : "GreaterThanThreshold"
  threshold           = try(each.value.below, each.value.above)
  period              = each.value.minutes * 60
  evaluation_periods  = 1
  treat_missing_data  = each.value.missing
  alarm_actions       = [aws_sns_topic.this["alerts"].arn]
  ok_actions          = [aws_sns_topic.this["alerts"].arn]
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "jobs_failing" {
  alarm_name          = "${var.name}-jobs-failing"
  alarm_description   = "More than ${var.failed_jobs} jobs failed or crashed within 15 minutes."
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.failed_jobs
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.this["alerts"].arn]
  ok_actions          = [aws_sns_topic.this["alerts"].arn]
  tags                = var.tags

  metric_query {
    id          = "failing"
    expression  = "FILL(failed, 0) + FILL(crashed, 0)"
    label       = "Jobs that failed or crashed"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = toset(["failed", "crashed"])

    content {
      id = metric_query.value

      metric {
        namespace   = local.namespace
        metric_name = "sluis_jobs_total"
        dimensions  = merge(local.here, { outcome = metric_query.value })
        stat        = "Sum"
        period      = 900
      }
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "database" {
  alarm_name          = "${var.name}-database-at-its-limit"
  alarm_description   = "The database uses more than 90 percent of its greatest capacity."
  namespace           = "AWS/RDS"
  metric_name         = "ACUUtilization"
  dimensions          = { DBClusterIdentifier = var.database_id }
  statistic           = "Average"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 90
  period              = 300
  evaluation_periods  = 3
  treat_missing_data  = "missing"
  alarm_actions       = [aws_sns_topic.this["alerts"].arn]
  ok_actions          = [aws_sns_topic.this["alerts"].arn]
  tags                = var.tags
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = var.name

  dashboard_body = jsonencode({
    widgets = [
      for index, name in sort(keys(local.metrics)) : {
        type   = "metric"
        x      = (index % 2) * 12
        y      = floor(index / 2) * 6
        width  = 12
        height = 6
        properties = {
          title  = name
          region = data.aws_region.this.region
          stat   = local.metrics[name].statistic
          period = 300
          metrics = [
            for dimensions in local.metrics[name].dimensions : [{
              expression = "SEARCH('{${local.namespace},${join(",", dimensions)}} MetricName=\"${name}\" Installation=\"${var.name}\"', '${local.metrics[name].statistic}', 300)"
            }]
          ]
        }
      }
    ]
  })
}
