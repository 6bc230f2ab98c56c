mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/monitoring" }
  }
}

variables {
  name               = "orders"
  subnet_ids         = ["subnet-0a1b2c3d4e5f60718", "subnet-0a1b2c3d4e5f60719"]
  security_group_ids = ["sg-0a1b2c3d4e5f60718"]
}

run "is_private_encrypted_and_kept" {
  command = plan

  assert {
    condition     = aws_db_instance.this.storage_encrypted && !aws_db_instance.this.publicly_accessible && aws_db_instance.this.multi_az
    error_message = "The database must be encrypted, private and in two zones."
  }

  assert {
    condition     = aws_db_instance.this.deletion_protection && !aws_db_instance.this.skip_final_snapshot && aws_db_instance.this.backup_retention_period == 14
    error_message = "The database must be protected from deletion and backed up."
  }
}

run "nobody_here_knows_the_password" {
  command = plan

  assert {
    condition     = aws_db_instance.this.manage_master_user_password && aws_db_instance.this.password == null
    error_message = "AWS must make and keep the password."
  }
}

run "talks_tls_only" {
  command = plan

  assert {
    condition     = one([for p in aws_db_parameter_group.this.parameter : p.value if p.name == "rds.force_ssl"]) == "1"
    error_message = "Connections without TLS must be refused."
  }
}

run "settings_follow_the_major_version" {
  command = plan
  variables {
    engine_version = "16.9"
  }

  assert {
    condition     = aws_db_parameter_group.this.family == "postgres16"
    error_message = "The family must be that of the major version."
  }
}

run "refuses_one_zone" {
  command = plan
  variables {
    subnet_ids = ["subnet-0a1b2c3d4e5f60718"]
  }
  expect_failures = [var.subnet_ids]
}

run "refuses_a_disk_that_cannot_grow" {
  command = plan
  variables {
    storage = { size_gb = 200 }
  }
  expect_failures = [var.storage]
}

run "refuses_no_backups" {
  command = plan
  variables {
    backup_days = 0
  }
  expect_failures = [var.backup_days]
}

run "refuses_a_reserved_user" {
  command = plan
  variables {
    username = "postgres"
  }
  expect_failures = [var.username]
}

run "refuses_an_old_version" {
  command = plan
  variables {
    engine_version = "11"
  }
  expect_failures = [var.engine_version]
}
