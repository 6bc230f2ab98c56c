# What there is now. Read while planning, so that a machine that has died shows as a change.
data "local_command" "status" {
  count = var.machines

  command   = "python3"
  arguments = ["-B", local.program, "status"]
  stdin = jsonencode({
    data_folder = var.data_folder
    image       = var.image
    kind        = var.kind
    name        = local.names[count.index]
  })
}

locals {
  names   = var.machines == 1 ? [var.name] : [for number in range(var.machines) : "${var.name}-${number + 1}"]
  program = "${path.module}/scripts/local-host"
  status  = [for read in data.local_command.status : jsondecode(read.stdout)]

  # All that a machine is made from. A living machine answers with its own generation, a dead or absent one with a
  # fresh one, so that it is replaced.
  machines = [for number, status in local.status : {
    authorized_key = var.authorized_key
    folder         = status.folder
    generation     = status.generation
    hostname       = coalesce(var.machines == 1 ? var.hostname : null, local.names[number])
    image          = status.image
    kind           = status.kind
    name           = local.names[number]
    subnet         = var.subnet
  }]

  facts = [for read in data.local_command.facts : jsondecode(read.stdout)]
}

# Takes away what is left of a machine. Apart from the resource that makes it, because a resource whose creation
# failed is tainted, and the destroy provisioners of a tainted resource do not run.
resource "terraform_data" "teardown" {
  count = var.machines

  triggers_replace = local.machines[count.index]

  lifecycle {
    precondition {
      condition     = local.status[count.index].problem == ""
      error_message = local.status[count.index].problem
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
  count = var.machines

  triggers_replace = local.machines[count.index]

  depends_on = [terraform_data.teardown]

  provisioner "local-exec" {
    interpreter = ["python3", "-B", local.program]
    command     = "create"
    environment = { LOCAL_HOST = jsonencode(self.triggers_replace) }
  }
}

# What has been made. Waits for the machine where one is to be made; otherwise it, too, is read while planning.
data "local_command" "facts" {
  count = var.machines

  command   = "python3"
  arguments = ["-B", local.program, "status"]
  stdin = jsonencode({
    data_folder = local.machines[count.index].folder
    image       = local.machines[count.index].image
    kind        = local.machines[count.index].kind
    name        = local.names[count.index]
  })

  depends_on = [terraform_data.host]
}
