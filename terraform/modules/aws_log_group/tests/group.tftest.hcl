mock_provider "aws" {}

variables {
  name = "/sluis/test/web"
}

run "forgets_after_a_quarter_of_a_year" {
  command = plan

  assert {
    condition     = aws_cloudwatch_log_group.this.retention_in_days == 90 && !aws_cloudwatch_log_group.this.skip_destroy
    error_message = "Logs must not stay for ever unless asked for."
  }
}

run "refuses_days_that_cloudwatch_does_not_know" {
  command = plan
  variables {
    retention_days = 42
  }
  expect_failures = [var.retention_days]
}

run "refuses_an_unknown_class" {
  command = plan
  variables {
    class = "CHEAP"
  }
  expect_failures = [var.class]
}

run "refuses_what_is_no_key" {
  command = plan
  variables {
    kms_key_arn = "alias/logs"
  }
  expect_failures = [var.kms_key_arn]
}

run "refuses_the_prefix_of_aws" {
  command = plan
  variables {
    name = "aws/web"
  }
  expect_failures = [var.name]
}
