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
  namespace                = "sluis"
  bucket_arns              = { state = "arn:aws:s3:::sluis-state", store = "arn:aws:s3:::sluis-store" }
  kms_key_arns             = ["arn:aws:kms:eu-central-1:123456789012:key/0a1b2c3d-0000-0000-0000-000000000000"]
  secret_arns              = ["arn:aws:secretsmanager:eu-central-1:123456789012:secret:sluis/slack/token-AbCdEf"]
  log_group_arns           = ["arn:aws:logs:eu-central-1:123456789012:log-group:/sluis/sluis/metrics"]
  topic_arns               = ["arn:aws:sns:eu-central-1:123456789012:sluis-notices"]
  other_accounts           = ["210987654321"]
  others                   = {}
  permissions_boundary_arn = "arn:aws:iam::123456789012:policy/boundary"
  role_path                = "/sluis/"
  tags                     = {}
}

run "workers_become_roles_of_environments_only" {
  command = plan

  assert {
    condition     = local.environment_roles == ["arn:aws:iam::123456789012:role/sluis/sluis-*", "arn:aws:iam::210987654321:role/sluis/sluis-*"]
    error_message = "Workers may become roles of the named accounts below the path of the installation."
  }
}

run "nobody_removes_a_version" {
  command = plan

  assert {
    condition     = one([for s in data.aws_iam_policy_document.worker.statement : s.effect if s.sid == "NobodyRemovesAVersion"]) == "Deny"
    error_message = "Not even a worker may remove what was recorded."
  }
}

run "a_signed_in_key_is_for_machines_of_stacks" {
  command = plan

  assert {
    condition     = one(flatten([for s in data.aws_iam_policy_document.worker.statement : s.condition[*].variable if s.sid == "SignInToMachines"])) == "aws:ResourceTag/sluis:stack"
    error_message = "Workers may sign in to machines that processes made, and to no other."
  }
}

run "each_pod_has_a_role_of_its_own" {
  command = plan

  assert {
    condition     = keys(output.identities) == ["collector", "secrets-reader", "worker-ansible", "worker-light", "worker-terraform"] && output.identities["worker-light"].service_account == "sluis-light"
    error_message = "Workers of each pool, collector and secrets reader must be tied to their service accounts."
  }
}
