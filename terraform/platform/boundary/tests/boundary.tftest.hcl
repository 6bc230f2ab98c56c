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
}

variables {
  name      = "sluis"
  role_path = "/sluis/"
  tags      = {}
}

run "no_role_without_the_boundary" {
  command = plan

  assert {
    condition     = one([for s in data.aws_iam_policy_document.this.statement : s.effect if s.sid == "NoRoleWithoutThisBoundary"]) == "Deny"
    error_message = "A role without the boundary must be refused."
  }

  assert {
    condition     = one(flatten([for s in data.aws_iam_policy_document.this.statement : s.condition[*].values if s.sid == "NoRoleWithoutThisBoundary"])) == "arn:aws:iam::123456789012:policy/sluis/sluis-boundary"
    error_message = "The boundary must name itself."
  }

  assert {
    condition     = contains(flatten([for s in data.aws_iam_policy_document.this.statement : s.actions if s.sid == "NoWayAroundRoles"]), "iam:CreateUser")
    error_message = "Nobody may make users, whom no boundary holds."
  }
}

run "is_limited_to_services" {
  command = plan

  assert {
    condition     = !contains(flatten([for s in data.aws_iam_policy_document.this.statement : s.actions if s.effect != "Deny"]), "organizations:*")
    error_message = "The organisation must be out of reach."
  }
}

run "refuses_all_services" {
  command = plan
  variables {
    services = ["*"]
  }
  expect_failures = [var.services]
}
