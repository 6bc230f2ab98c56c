# What there is now. Read while planning, so that a machine that has died shows as a change.
data "local_command" "status" {
  command   = "python3"
  arguments = ["-B", local.program, "status"]
  stdin = jsonencode({
    data_folder = var.data_folder
    image       = var.image
    kind        = var.kind
    name        = var.name
  })
}

locals {
  program = "${path.module}/scripts/local-host"
  status  = jsondecode(data.local_command.status.stdout)

  # All that the machine is made from. A living machine answers with its own generation, a dead or absent one with a
  # fresh one, so that it is replaced.
  machine = {
    authorized_key = var.authorized_key
    folder         = local.status.folder
    generation     = local.status.generation
    hostname       = coalesce(var.hostname, var.name)
    image          = local.status.image
    kind           = local.status.kind
    name           = var.name
    subnet         = var.subnet
  }

  facts = jsondecode(data.local_command.facts.stdout)
}

# Takes away what is left of the machine. Apart from the resource that makes it, because a resource whose creation
# failed is tainted, and the destroy provisioners of a tainted resource do not run.
resource "terraform_data" "teardown" {
  triggers_replace = local.machine

  lifecycle {
    precondition {
      condition     = local.status.problem == ""
      error_message = local.status.problem
    }
  }

  provisioner "local-exec" {
    when        = destroy
    interpreter = ["python3", "-B", "${path.module}/scripts/local-host"]
    command     = "destroy"
    environment = { LOCAL_HOST = jsonencode(self.triggers_replace) }
  }
}

resource "terraform_data" "host" {
  triggers_replace = local.machine

  depends_on = [terraform_data.teardown]

  provisioner "local-exec" {
    interpreter = ["python3", "-B", local.program]
    command     = "create"
    environment = { LOCAL_HOST = jsonencode(self.triggers_replace) }
  }
}

# What has been made. Waits for the machine where one is to be made; otherwise it, too, is read while planning.
data "local_command" "facts" {
  command   = "python3"
  arguments = ["-B", local.program, "status"]
  stdin = jsonencode({
    data_folder = local.machine.folder
    image       = local.machine.image
    kind        = local.machine.kind
    name        = var.name
  })

  depends_on = [terraform_data.host]
}
