run "serves_without_escalation" {
  variables {
    authorized_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKTqcYCpFYHwV8dFzYsFXJWmgNVf5TlMbDrhHvNdOJp8 someone@example"
    data_folder    = "/tmp/sluis-local-host-test"
    kind           = "user_sshd"
    name           = "example"
  }

  assert {
    condition     = output.kind == "user_sshd" && !output.escalation
    error_message = "The user-level kind must say that it cannot escalate."
  }

  assert {
    condition     = length(output.hosts) == 1 && output.hosts[0].address == "127.0.0.1" && output.hosts[0].port > 1023
    error_message = "There must be one host, on an unprivileged port of the loopback interface."
  }

  assert {
    condition     = can(regex("^ssh-ed25519 ", output.hosts[0].host_keys[0]))
    error_message = "The host key must be known to those who connect."
  }
}
