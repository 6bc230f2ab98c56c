variables {
  authorized_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKTqcYCpFYHwV8dFzYsFXJWmgNVf5TlMbDrhHvNdOJp8 someone@example"
  name           = "example"
}

run "refuses_a_name_that_is_a_path" {
  command = plan
  variables {
    name = "../etc"
  }
  expect_failures = [var.name]
}

run "refuses_key_options" {
  command = plan
  variables {
    authorized_key = "command=\"id\" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKTqcYCpFYHwV8dFzYsFXJWmgNVf5TlMbDrhHvNdOJp8"
  }
  expect_failures = [var.authorized_key]
}

run "refuses_a_second_line_in_the_key" {
  command = plan
  variables {
    authorized_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKTqcYCpFYHwV8dFzYsFXJWmgNVf5TlMbDrhHvNdOJp8\nssh-ed25519 AAAA"
  }
  expect_failures = [var.authorized_key]
}

run "refuses_a_public_range" {
  command = plan
  variables {
    subnet = "8.8.0.0/16"
  }
  expect_failures = [var.subnet]
}

run "refuses_an_unknown_kind" {
  command = plan
  variables {
    kind = "docker"
  }
  expect_failures = [var.kind]
}

run "refuses_half_a_machine" {
  command = plan
  variables {
    machines = 1.5
  }
  expect_failures = [var.machines]
}

run "refuses_a_relative_image" {
  command = plan
  variables {
    image = "debian.tar"
  }
  expect_failures = [var.image]
}

run "refuses_a_relative_data_folder" {
  command = plan
  variables {
    data_folder = "hosts"
  }
  expect_failures = [var.data_folder]
}

run "refuses_a_hostname_of_two_labels" {
  command = plan
  variables {
    hostname = "web1.example"
  }
  expect_failures = [var.hostname]
}

run "says_that_the_image_is_missing" {
  command = plan
  variables {
    image = "/nowhere/debian.tar"
  }
  expect_failures = [terraform_data.teardown[0]]
}
