mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Statement\":[]}" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_region" {
    defaults = { region = "eu-central-1" }
  }
}

variables {
  name                 = "sluis"
  deletion_window_days = 30
  tags                 = {}
}

run "one_key_per_kind_of_thing" {
  command = plan

  assert {
    condition     = keys(aws_kms_key.this) == ["cluster", "data", "logs"] && alltrue([for key in aws_kms_key.this : key.enable_key_rotation])
    error_message = "There must be a key for the cluster, one for data and one for logs, and each must be changed every year."
  }
}

run "only_the_key_of_logs_lets_services_in" {
  command = plan

  assert {
    condition     = { for name, document in data.aws_iam_policy_document.this : name => length(document.statement) } == { cluster = 1, data = 1, logs = 3 }
    error_message = "Only CloudWatch and what publishes to topics may use a key by the key's own policy, and only that of logs."
  }

  assert {
    condition     = one(flatten([for s in data.aws_iam_policy_document.this["logs"].statement : s.condition[*].values if s.sid == "ByCloudWatchLogs"])) == "arn:aws:logs:eu-central-1:123456789012:log-group:*"
    error_message = "CloudWatch Logs may use the key for this account's log groups only."
  }
}
