mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Statement\":[]}" }
  }
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
}

variables {
  name              = "sluis"
  prefix            = "sluis-123456789012-eu-central-1"
  kms_key_arn       = "arn:aws:kms:eu-central-1:123456789012:key/0a1b2c3d-0000-0000-0000-000000000000"
  repositories      = ["sluis/sluis"]
  secrets           = { "slack/token" = "Token of the Slack app" }
  access_log_days   = 90
  old_versions_days = 90
  recovery_days     = 30
  force_destroy     = false
  tags              = {}
}

run "buckets_are_named_after_the_account" {
  command = plan

  assert {
    condition     = aws_s3_bucket.access_logs.bucket == "sluis-123456789012-eu-central-1-access-logs"
    error_message = "Names of buckets must be unique in all of AWS."
  }
}

run "images_cannot_be_overwritten" {
  command = plan

  assert {
    condition     = aws_ecr_repository.this["sluis/sluis"].image_tag_mutability == "IMMUTABLE" && aws_ecr_repository.this["sluis/sluis"].image_scanning_configuration[0].scan_on_push
    error_message = "A tag must always mean the same image, and each image must be scanned."
  }

  assert {
    condition     = length(jsondecode(aws_ecr_lifecycle_policy.this["sluis/sluis"].policy).rules) == 2
    error_message = "Old images must go."
  }
}

run "secrets_have_no_value_here" {
  command = plan

  assert {
    condition     = aws_secretsmanager_secret.this["slack/token"].name == "sluis/slack/token" && aws_secretsmanager_secret.this["slack/token"].kms_key_id == var.kms_key_arn
    error_message = "Secrets must be named after the installation, and encrypted with its key."
  }
}
