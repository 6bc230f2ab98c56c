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
  environment              = "example-test"
  modules                  = ["aws_ec2_instance", "aws_iam_role"]
  worker_role_arn          = "arn:aws:iam::123456789012:role/sluis/sluis-worker"
  protected_bucket_arns    = ["arn:aws:s3:::sluis-state"]
  permissions_boundary_arn = "arn:aws:iam::123456789012:policy/boundary"
  role_path                = "/sluis/"
  tags                     = {}
}

run "a_plan_only_reads" {
  command = plan

  assert {
    condition     = alltrue([for action in local.read : can(regex("^[a-z0-9-]+:(Describe|Get|List)", action))])
    error_message = "The role of plans may only describe, get and list."
  }
}

run "only_what_the_modules_need" {
  command = plan

  assert {
    condition     = contains(local.write, "ec2:RunInstances") && !anytrue([for action in local.write : startswith(action, "rds:")])
    error_message = "Permissions must follow from the modules."
  }

  assert {
    condition     = !anytrue([for action in concat(local.read, local.write) : strcontains(action, "*")])
    error_message = "Every action must be named."
  }
}

run "roles_of_this_environment_only" {
  command = plan

  assert {
    condition     = local.roles[0] == "arn:aws:iam::123456789012:role/sluis/example-test/*" && alltrue([for s in data.aws_iam_policy_document.write.statement : toset(s.resources) == toset(local.roles) if contains(["RolesOfThisEnvironment", "PassThemToServices"], s.sid)])
    error_message = "An apply may make and pass roles below the environment's own path only."
  }
}

run "an_environment_without_roles_makes_none" {
  command = plan
  variables {
    modules = ["aws_log_group"]
  }

  assert {
    condition     = !contains([for s in data.aws_iam_policy_document.write.statement : s.sid], "RolesOfThisEnvironment")
    error_message = "Without a module that makes roles there must be no permission to."
  }
}

run "refuses_a_module_without_permissions" {
  command = plan
  variables {
    modules = ["local_host"]
  }
  expect_failures = [var.modules]
}
