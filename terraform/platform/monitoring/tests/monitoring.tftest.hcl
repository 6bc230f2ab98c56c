mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Statement\":[]}" }
  }
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_region" {
    defaults = { region = "eu-central-1" }
  }
}

variables {
  name               = "sluis"
  namespace          = "sluis"
  database_id        = "sluis"
  alert_emails       = ["platform@example.com"]
  approval_hours     = 24
  failed_jobs        = 5
  budget_usd         = 500
  log_kms_key_arn    = "arn:aws:kms:eu-central-1:123456789012:key/0a1b2c3d-0000-0000-0000-000000000000"
  log_retention_days = 90
  tags               = {}
}

run "silence_is_an_alarm" {
  command = plan

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["no-worker"].treat_missing_data == "breaching" && aws_cloudwatch_metric_alarm.this["no-worker"].comparison_operator == "LessThanThreshold"
    error_message = "No figures at all must mean that no worker runs."
  }
}

run "old_approvals_are_an_alarm" {
  command = plan
  variables {
    approval_hours = 8
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["approval-too-old"].threshold == 28800 && aws_cloudwatch_metric_alarm.this["approval-too-old"].statistic == "Maximum"
    error_message = "The oldest change counts, in seconds."
  }
}

run "failing_and_crashing_jobs_count_together" {
  command = plan

  assert {
    condition     = toset([for q in aws_cloudwatch_metric_alarm.jobs_failing.metric_query : q.id]) == toset(["failing", "failed", "crashed"])
    error_message = "Both outcomes must count."
  }
}

run "the_collector_carries_what_alarms_and_dashboard_show" {
  command = plan

  assert {
    condition     = length(yamldecode(output.collector_config).exporters.awsemf.metric_declarations) == length(local.metrics) && yamldecode(output.collector_config).exporters.awsemf.namespace == "Sluis"
    error_message = "Each metric must be carried, in the namespace Sluis."
  }

  assert {
    condition     = alltrue([for alarm in local.alarms : contains(keys(local.metrics), alarm.metric)])
    error_message = "No alarm may wait for a metric that nobody carries."
  }
}

run "no_budget_no_budget_alarm" {
  command = plan
  variables {
    budget_usd = 0
  }

  assert {
    condition     = length(aws_budgets_budget.this) == 0
    error_message = "Without a budget there is nothing to exceed."
  }
}

run "refuses_what_is_no_address" {
  command = plan
  variables {
    alert_emails = ["platform"]
  }
  expect_failures = [var.alert_emails]
}
