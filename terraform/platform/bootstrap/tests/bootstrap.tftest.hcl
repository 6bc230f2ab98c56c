mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Statement\":[]}" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:eu-central-1:123456789012:key/0a1b2c3d-0000-0000-0000-000000000000" }
  }
}

variables {
  account = "123456789012"
}

run "says_what_init_is_given" {
  assert {
    condition     = output.backend.key == "platform/sluis/terraform.tfstate" && output.backend.region == "eu-central-1"
    error_message = "The platform's state must have its place."
  }

  assert {
    condition     = aws_kms_key.this.enable_key_rotation
    error_message = "The key must be changed every year."
  }
}

run "refuses_an_account_that_is_none" {
  command = plan
  variables {
    account = "1234"
  }
  expect_failures = [var.account]
}
