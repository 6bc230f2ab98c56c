mock_provider "aws" {}

variables {
  name        = "web-server"
  description = "What web servers may do"
  trust       = { services = ["ec2.amazonaws.com"] }
}

run "trusts_whom_it_is_told" {
  command = plan

  assert {
    condition     = jsondecode(aws_iam_role.this.assume_role_policy).Statement == [{ Effect = "Allow", Action = ["sts:AssumeRole"], Principal = { Service = "ec2.amazonaws.com" } }]
    error_message = "Only EC2 may be this role."
  }

  assert {
    condition     = length(aws_iam_instance_profile.this) == 1
    error_message = "EC2 needs an instance profile."
  }
}

run "asks_for_the_external_id" {
  command = plan
  variables {
    trust = { principal_arns = ["arn:aws:iam::123456789012:role/sluis-worker"], external_id = "example" }
  }

  assert {
    condition     = jsondecode(aws_iam_role.this.assume_role_policy).Statement[0].Condition.StringEquals["sts:ExternalId"] == "example"
    error_message = "The external id must be asked for."
  }

  assert {
    condition     = length(aws_iam_instance_profile.this) == 0
    error_message = "Without EC2 there is no instance profile."
  }
}

run "binds_oidc_to_subjects" {
  command = plan
  variables {
    trust = { oidc = [{
      provider_arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
      issuer       = "token.actions.githubusercontent.com"
      subjects     = ["repo:example/sluis:environment:production"]
    }] }
  }

  assert {
    condition = jsondecode(aws_iam_role.this.assume_role_policy).Statement[0].Condition == {
      StringEquals = { "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com" }
      StringLike   = { "token.actions.githubusercontent.com:sub" = ["repo:example/sluis:environment:production"] }
    }
    error_message = "Audience and subject must both be asked for."
  }
}

run "refuses_trust_in_everybody" {
  command = plan
  variables {
    trust = { principal_arns = ["*"] }
  }
  expect_failures = [var.trust]
}

run "refuses_trust_in_nobody" {
  command = plan
  variables {
    trust = {}
  }
  expect_failures = [var.trust]
}

run "refuses_any_subject" {
  command = plan
  variables {
    trust = { oidc = [{ provider_arn = "arn:aws:iam::123456789012:oidc-provider/x", issuer = "x", subjects = ["*"] }] }
  }
  expect_failures = [var.trust]
}

run "refuses_to_allow_everything" {
  command = plan
  variables {
    policies = { all = "{\"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"*\", \"Resource\": \"*\"}]}" }
  }
  expect_failures = [var.policies]
}

run "refuses_the_administrator" {
  command = plan
  variables {
    managed_policy_arns = ["arn:aws:iam::aws:policy/AdministratorAccess"]
  }
  expect_failures = [var.managed_policy_arns]
}
