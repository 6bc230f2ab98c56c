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
  mock_resource "aws_vpc" {
    defaults = { id = "vpc-0a1b2c3d4e5f60718" }
  }
  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:eu-central-1:123456789012:key/0a1b2c3d-0000-0000-0000-000000000000" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/sluis/sluis-worker" }
  }
}

variables {
  account        = "123456789012"
  size           = "poc"
  cluster_admins = ["arn:aws:iam::123456789012:role/platform-team"]
}

run "sizes_have_the_same_keys" {
  command = plan

  assert {
    condition     = length(distinct([for size in local.sizes : jsonencode(keys(size))])) == 1
    error_message = "Each size must decide everything."
  }
}

run "production_survives_the_loss_of_a_zone" {
  command = plan
  variables {
    size = "production"
  }

  assert {
    condition     = local.size.nat == "per-zone" && local.size.database.instances >= 2 && alltrue([for group in local.size.node_groups : group.min >= 3])
    error_message = "Way out, database and nodes must be in more than one zone."
  }

  assert {
    condition     = local.keep && output.settings.SLUIS_STORE_LOCK_DAYS == "2555"
    error_message = "Nothing of production may be deleted by accident, and the audit trail not at all."
  }
}

run "a_poc_can_be_thrown_away" {
  command = plan

  assert {
    condition     = !local.keep && local.size.recovery_days == 0 && output.settings.SLUIS_STORE_LOCK_DAYS == "0"
    error_message = "A poc must leave nothing behind."
  }
}

run "protection_can_be_taken_off" {
  command = plan
  variables {
    size                = "production"
    deletion_protection = false
  }

  assert {
    condition     = !local.keep
    error_message = "Taking an installation down begins with this."
  }
}

run "tells_each_environment_its_roles" {
  command = plan
  variables {
    environments = { example-test = { modules = ["aws_ec2_instance"] } }
  }

  assert {
    condition     = output.environments["example-test"].external_id == "sluis/example-test" && output.environments["example-test"].account == "123456789012"
    error_message = "The environment's file must get account, roles and external id."
  }
}

run "refuses_an_unknown_size" {
  command = plan
  variables {
    size = "huge"
  }
  expect_failures = [var.size]
}

run "refuses_an_api_open_to_all" {
  command = plan
  variables {
    api_cidrs = ["0.0.0.0/0"]
  }
  expect_failures = [var.api_cidrs]
}

run "refuses_a_cluster_without_admins" {
  command = plan
  variables {
    cluster_admins = []
  }
  expect_failures = [var.cluster_admins]
}

run "refuses_two_zones" {
  command = plan
  variables {
    zones = ["eu-central-1a", "eu-central-1b"]
  }
  expect_failures = [var.zones]
}
