mock_provider "aws" {
  mock_data "aws_region" {
    defaults = { region = "eu-central-1" }
  }
}

variables {
  name  = "example"
  zones = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
}

run "cuts_each_tier_by_zone" {
  command = plan

  assert {
    condition = { for key, subnet in aws_subnet.this : key => subnet.cidr_block } == {
      "private-eu-central-1a" = "10.20.64.0/20"
      "private-eu-central-1b" = "10.20.80.0/20"
      "private-eu-central-1c" = "10.20.96.0/20"
      "public-eu-central-1a"  = "10.20.0.0/22"
      "public-eu-central-1b"  = "10.20.4.0/22"
      "public-eu-central-1c"  = "10.20.8.0/22"
    }
    error_message = "Each tier's range must be cut into equal parts, in the order of the zones."
  }

  assert {
    condition     = alltrue([for subnet in aws_subnet.this : !subnet.map_public_ip_on_launch])
    error_message = "No subnet may hand out public addresses by itself."
  }
}

run "one_nat_gateway_serves_all_zones" {
  command = plan

  assert {
    condition     = keys(aws_nat_gateway.this) == ["eu-central-1a"] && length(aws_route.nat) == 3
    error_message = "There must be one NAT gateway, and a route to it from each private subnet."
  }
}

run "a_nat_gateway_per_zone" {
  command = plan
  variables {
    nat = "per-zone"
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 3 && length(aws_route.nat) == 3
    error_message = "Each zone must have its own NAT gateway."
  }
}

run "isolated_means_no_way_out" {
  command = plan
  variables {
    nat   = "none"
    tiers = { data = { cidr = "10.20.0.0/20", kind = "isolated" } }
  }

  assert {
    condition     = length(aws_route.nat) == 0 && length(aws_route.internet) == 0 && length(aws_internet_gateway.this) == 0
    error_message = "An isolated tier must have no route out."
  }
}

run "logs_every_connection" {
  command = plan

  assert {
    condition     = aws_flow_log.this.traffic_type == "ALL" && aws_cloudwatch_log_group.flow.retention_in_days == 365
    error_message = "All connections must be recorded, for a year."
  }
}

run "endpoints_are_reached_over_https_from_inside" {
  command = plan
  variables {
    endpoints = { interface = ["ssm", "logs"] }
  }

  assert {
    condition     = length(aws_vpc_endpoint.interface) == 2 && aws_vpc_security_group_ingress_rule.endpoints[0].cidr_ipv4 == "10.20.0.0/16" && aws_vpc_security_group_ingress_rule.endpoints[0].from_port == 443
    error_message = "Endpoints must answer the network, on port 443."
  }
}

run "refuses_nat_without_a_public_tier" {
  command = plan
  variables {
    tiers = { private = { cidr = "10.20.0.0/20", kind = "private" } }
  }
  expect_failures = [aws_vpc.this]
}

run "refuses_a_public_range" {
  command = plan
  variables {
    cidr = "8.8.0.0/16"
  }
  expect_failures = [var.cidr]
}

run "refuses_an_unknown_kind" {
  command = plan
  variables {
    tiers = { open = { cidr = "10.20.0.0/20", kind = "open" } }
  }
  expect_failures = [var.tiers]
}

run "refuses_a_zone_twice" {
  command = plan
  variables {
    zones = ["eu-central-1a", "eu-central-1a"]
  }
  expect_failures = [var.zones]
}
