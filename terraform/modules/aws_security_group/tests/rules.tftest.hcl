mock_provider "aws" {}

variables {
  name        = "web"
  description = "Web servers"
  vpc_id      = "vpc-0a1b2c3d4e5f60718"
}

run "lets_nothing_through_by_default" {
  command = plan

  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.this) == 0 && length(aws_vpc_security_group_egress_rule.this) == 0
    error_message = "Without rules nothing may come in or go out."
  }
}

run "one_port_is_a_range_of_one" {
  command = plan
  variables {
    ingress = { http = { description = "HTTP", from_port = 8080, cidr_ipv4 = "10.0.0.0/16" } }
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.this["http"].to_port == 8080 && aws_vpc_security_group_ingress_rule.this["http"].ip_protocol == "tcp"
    error_message = "A rule with from_port only must open that one TCP port."
  }
}

run "the_web_may_be_open_to_all" {
  command = plan
  variables {
    ingress = { https = { description = "HTTPS", from_port = 443, cidr_ipv4 = "0.0.0.0/0" } }
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.this["https"].cidr_ipv4 == "0.0.0.0/0"
    error_message = "Port 443 may be open to all."
  }
}

run "refuses_ssh_open_to_all" {
  command = plan
  variables {
    ingress = { ssh = { description = "SSH", from_port = 22, cidr_ipv4 = "0.0.0.0/0" } }
  }
  expect_failures = [var.ingress]
}

run "refuses_a_wide_range_that_begins_at_80" {
  command = plan
  variables {
    ingress = { much = { description = "much", from_port = 80, to_port = 9000, cidr_ipv4 = "0.0.0.0/0" } }
  }
  expect_failures = [var.ingress]
}

run "refuses_a_rule_with_two_ends" {
  command = plan
  variables {
    egress = { two = { description = "two", from_port = 443, cidr_ipv4 = "10.0.0.0/8", security_group_id = "sg-0a1b2c3d4e5f60718" } }
  }
  expect_failures = [var.egress]
}

run "refuses_a_rule_without_an_end" {
  command = plan
  variables {
    egress = { none = { description = "none", from_port = 443 } }
  }
  expect_failures = [var.egress]
}

run "refuses_what_is_no_vpc" {
  command = plan
  variables {
    vpc_id = "subnet-0a1b2c3d4e5f60718"
  }
  expect_failures = [var.vpc_id]
}
