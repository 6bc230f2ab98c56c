# One variable decides what an installation costs and stands. Every figure that depends on it is here.
locals {
  sizes = {
    # To try it out: the smallest of everything, gone without a trace when destroyed.
    poc = {
      nat                 = "one"
      interface_endpoints = []
      node_groups         = { general = { instance_type = "t3.xlarge", min = 2, max = 3, disk_gb = 50 } }
      database            = { capacity = { min = 0.5, max = 2 }, instances = 1, backup_days = 1 }
      log_retention_days  = 30
      old_versions_days   = 7
      recovery_days       = 0
      key_deletion_days   = 7
      keep                = false
    }

    # One team in working hours: survives the loss of a node, and that of a zone after some minutes.
    small = {
      nat                 = "one"
      interface_endpoints = []
      node_groups = {
        engine  = { instance_type = "m7i.large", min = 3, max = 3, disk_gb = 50 }
        workers = { instance_type = "m7i.large", min = 2, max = 4, disk_gb = 100 }
      }
      database           = { capacity = { min = 0.5, max = 4 }, instances = 2, backup_days = 14 }
      log_retention_days = 90
      old_versions_days  = 90
      recovery_days      = 30
      key_deletion_days  = 30
      keep               = true
    }

    # Several customers, around the clock: survives the loss of a zone.
    production = {
      nat                 = "per-zone"
      interface_endpoints = ["ecr.api", "ecr.dkr", "eks-auth", "kms", "logs", "secretsmanager", "sts"]
      node_groups = {
        engine  = { instance_type = "m7i.xlarge", min = 3, max = 6, disk_gb = 100 }
        workers = { instance_type = "m7i.xlarge", min = 3, max = 12, disk_gb = 200 }
      }
      database           = { capacity = { min = 2, max = 16 }, instances = 2, backup_days = 35 }
      log_retention_days = 365
      old_versions_days  = 365
      recovery_days      = 30
      key_deletion_days  = 30
      keep               = true
    }
  }

  size = local.sizes[var.size]
}
