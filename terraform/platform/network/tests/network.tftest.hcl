mock_provider "aws" {
  mock_data "aws_region" {
    defaults = { region = "eu-central-1" }
  }
  mock_resource "aws_vpc" {
    defaults = { id = "vpc-0a1b2c3d4e5f60718" }
  }
}

variables {
  name                     = "sluis"
  cidr                     = "10.30.0.0/16"
  zones                    = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
  nat                      = "per-zone"
  interface_endpoints      = ["sts"]
  people_cidrs             = ["203.0.113.0/24"]
  host_cidrs               = []
  log_kms_key_arn          = "arn:aws:kms:eu-central-1:123456789012:key/0a1b2c3d-0000-0000-0000-000000000000"
  log_retention_days       = 90
  permissions_boundary_arn = "arn:aws:iam::123456789012:policy/boundary"
  tags                     = {}
}

run "has_four_tiers_in_three_zones" {
  assert {
    condition     = { for tier, ids in output.subnet_ids : tier => length(ids) } == { data = 3, orchestrator = 3, public = 3, workload = 3 }
    error_message = "Each tier must have a subnet in each zone."
  }

  assert {
    condition     = length(output.nat_addresses) == 3
    error_message = "Each zone must have its own way out."
  }
}

run "one_way_out_for_all_zones" {
  variables {
    nat = "one"
  }

  assert {
    condition     = length(output.nat_addresses) == 1
    error_message = "There must be one NAT gateway."
  }
}

run "refuses_a_range_that_is_too_small" {
  command = plan
  variables {
    cidr = "10.30.0.0/20"
  }
  expect_failures = [var.cidr]
}
