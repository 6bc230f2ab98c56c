mock_provider "aws" {
  mock_data "aws_ami" {
    defaults = { id = "ami-0a1b2c3d4e5f60718" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
  mock_resource "aws_instance" {
    defaults = { id = "i-0a1b2c3d4e5f60718", private_ip = "10.0.16.7", arn = "arn:aws:ec2:eu-central-1:123456789012:instance/i-0a1b2c3d4e5f60718" }
  }
}

variables {
  name               = "web1"
  subnet_id          = "subnet-0a1b2c3d4e5f60718"
  security_group_ids = ["sg-0a1b2c3d4e5f60718"]
}

run "is_closed_by_default" {
  command = plan

  assert {
    condition     = aws_instance.this.metadata_options[0].http_tokens == "required" && aws_instance.this.metadata_options[0].http_put_response_hop_limit == 1
    error_message = "The metadata service must ask for a session token (IMDSv2) and not answer containers."
  }

  assert {
    condition     = aws_instance.this.root_block_device[0].encrypted
    error_message = "The disk must be encrypted."
  }

  assert {
    condition     = aws_instance.this.associate_public_ip_address == false
    error_message = "There must be no public address."
  }

  assert {
    condition     = yamldecode(aws_instance.this.user_data).ssh_authorized_keys == [] && yamldecode(aws_instance.this.user_data).ssh_pwauth == false
    error_message = "Nobody may sign in for good unless asked for."
  }
}

run "names_the_host_as_ansible_needs_it" {
  assert {
    condition     = output.hosts == [{ name = "web1", address = "10.0.16.7", port = 22, user = "ubuntu", host_keys = [], instance = "eu-central-1/i-0a1b2c3d4e5f60718" }]
    error_message = "The host must be reached at its private address, as the image's user."
  }
}

run "text_stays_text" {
  command = plan
  variables {
    authorized_keys = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKTqcYCpFYHwV8dFzYsFXJWmgNVf5TlMbDrhHvNdOJp8 a: b # c"]
  }

  assert {
    condition     = yamldecode(aws_instance.this.user_data).ssh_authorized_keys == var.authorized_keys
    error_message = "A key's comment must not become a part of the configuration."
  }
}

run "refuses_key_options" {
  command = plan
  variables {
    authorized_keys = ["command=\"id\" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKTqcYCpFYHwV8dFzYsFXJWmgNVf5TlMbDrhHvNdOJp8"]
  }
  expect_failures = [var.authorized_keys]
}

run "refuses_an_image_of_anybody" {
  command = plan
  variables {
    image = { owner = "*", name = "ubuntu*", user = "ubuntu" }
  }
  expect_failures = [var.image]
}

run "refuses_root" {
  command = plan
  variables {
    image = { owner = "amazon", name = "al2023-ami-2023.*-x86_64", user = "root" }
  }
  expect_failures = [var.image]
}

run "refuses_a_machine_without_a_group" {
  command = plan
  variables {
    security_group_ids = []
  }
  expect_failures = [var.security_group_ids]
}

run "refuses_a_tiny_disk" {
  command = plan
  variables {
    disk = { size_gb = 4 }
  }
  expect_failures = [var.disk]
}

run "refuses_a_name_that_is_no_host_name" {
  command = plan
  variables {
    name = "Web_1"
  }
  expect_failures = [var.name]
}
