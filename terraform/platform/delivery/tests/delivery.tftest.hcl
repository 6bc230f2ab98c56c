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
  name                     = "sluis"
  repository               = "example/sluis"
  environments             = ["production"]
  existing_provider        = false
  repository_arns          = { "sluis/sluis" = "arn:aws:ecr:eu-central-1:123456789012:repository/sluis/sluis" }
  permissions_boundary_arn = "arn:aws:iam::123456789012:policy/boundary"
  role_path                = "/sluis/"
  tags                     = {}
}

run "pushes_to_its_own_repository_only" {
  command = plan

  assert {
    condition     = flatten([for s in data.aws_iam_policy_document.this.statement : tolist(s.resources) if s.sid == "PushAndPullImages"]) == ["arn:aws:ecr:eu-central-1:123456789012:repository/sluis/sluis"]
    error_message = "Workflows may push to the repository of Sluis only."
  }

  assert {
    condition     = !anytrue([for action in flatten([for s in data.aws_iam_policy_document.this.statement : tolist(s.actions)]) : strcontains(action, "*")])
    error_message = "Every action must be named."
  }
}

run "uses_the_identity_provider_that_is_there" {
  command = plan
  variables {
    existing_provider = true
  }

  assert {
    condition     = length(aws_iam_openid_connect_provider.github) == 0 && local.provider == "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
    error_message = "An account has one such provider at most."
  }
}

run "refuses_any_repository" {
  command = plan
  variables {
    repository = "example/*"
  }
  expect_failures = [var.repository]
}

run "refuses_any_environment" {
  command = plan
  variables {
    environments = ["*"]
  }
  expect_failures = [var.environments]
}
