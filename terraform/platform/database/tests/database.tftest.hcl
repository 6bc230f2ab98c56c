mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
}

variables {
  name                     = "sluis"
  engine_version           = "17.5"
  capacity                 = { min = 0.5, max = 4 }
  instances                = 2
  backup_days              = 14
  subnet_ids               = ["subnet-0a1b2c3d4e5f60718", "subnet-0a1b2c3d4e5f60719", "subnet-0a1b2c3d4e5f6071a"]
  security_group_ids       = ["sg-0a1b2c3d4e5f60718"]
  kms_key_arn              = "arn:aws:kms:eu-central-1:123456789012:key/0a1b2c3d-0000-0000-0000-000000000000"
  log_kms_key_arn          = "arn:aws:kms:eu-central-1:123456789012:key/0a1b2c3d-0000-0000-0000-000000000000"
  log_retention_days       = 90
  deletion_protection      = true
  permissions_boundary_arn = "arn:aws:iam::123456789012:policy/boundary"
  role_path                = "/sluis/"
  tags                     = {}
}

run "is_private_encrypted_and_kept" {
  command = plan

  assert {
    condition     = aws_rds_cluster.this.storage_encrypted && aws_rds_cluster.this.kms_key_id == var.kms_key_arn && alltrue([for i in aws_rds_cluster_instance.this : !i.publicly_accessible])
    error_message = "The database must be encrypted with the platform's key, and private."
  }

  assert {
    condition     = aws_rds_cluster.this.deletion_protection && !aws_rds_cluster.this.skip_final_snapshot && aws_rds_cluster.this.final_snapshot_identifier == "sluis-final"
    error_message = "The database must be protected from deletion, and leave a snapshot."
  }
}

run "nobody_here_knows_the_password" {
  command = plan

  assert {
    condition     = aws_rds_cluster.this.manage_master_user_password && aws_rds_cluster.this.master_password == null
    error_message = "AWS must make and keep the password."
  }
}

run "talks_tls_only" {
  command = plan

  assert {
    condition     = one([for p in aws_rds_cluster_parameter_group.this.parameter : p.value if p.name == "rds.force_ssl"]) == "1" && aws_rds_cluster_parameter_group.this.family == "aurora-postgresql17"
    error_message = "Connections without TLS must be refused, in the family of the major version."
  }
}

run "a_second_instance_stands_by" {
  command = plan

  assert {
    condition     = [for i in aws_rds_cluster_instance.this : i.promotion_tier] == [0, 1]
    error_message = "The second instance must follow the first in capacity."
  }
}

run "goes_without_a_trace_where_it_need_not_be_kept" {
  command = plan
  variables {
    deletion_protection = false
  }

  assert {
    condition     = !aws_rds_cluster.this.deletion_protection && aws_rds_cluster.this.skip_final_snapshot
    error_message = "A database to try things out must leave no snapshot."
  }
}
