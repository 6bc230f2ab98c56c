data "aws_partition" "this" {}

locals {
  major = split(".", var.engine_version)[0]
}

resource "aws_db_subnet_group" "this" {
  name        = var.name
  description = "Subnets of the database of ${var.name}: no way to the internet"
  subnet_ids  = var.subnet_ids
  tags        = var.tags
}

resource "aws_rds_cluster_parameter_group" "this" {
  name        = "${var.name}-aurora-postgresql${local.major}"
  description = "Settings of the database of ${var.name}"
  family      = "aurora-postgresql${local.major}"
  tags        = var.tags

  parameter {
    name  = "rds.force_ssl"
    value = "1"
  }

  parameter {
    name  = "log_min_duration_statement"
    value = "1000"
  }

  parameter {
    name  = "log_statement"
    value = "ddl"
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_rds_cluster" "this" {
  # checkov:skip=CKV2_AWS_8:Aurora keeps backups by itself, to any second of backup_days
  cluster_identifier = var.name
  engine             = "aurora-postgresql"
  engine_mode        = "provisioned"
  engine_version     = var.engine_version
  database_name      = "camunda"
  port               = 5432

  # AWS makes the password, keeps it in Secrets Manager and changes it by itself. It is in no state and no plan.
  master_username                     = "camunda"
  manage_master_user_password         = true
  master_user_secret_kms_key_id       = var.kms_key_arn
  iam_database_authentication_enabled = true

  storage_encrypted = true
  kms_key_id        = var.kms_key_arn

  db_subnet_group_name            = aws_db_subnet_group.this.name
  vpc_security_group_ids          = var.security_group_ids
  db_cluster_parameter_group_name = aws_rds_cluster_parameter_group.this.name

  serverlessv2_scaling_configuration {
    min_capacity = var.capacity.min
    max_capacity = var.capacity.max
  }

  backup_retention_period      = var.backup_days
  preferred_backup_window      = "02:00-03:00"
  preferred_maintenance_window = "sun:03:30-sun:04:30"
  copy_tags_to_snapshot        = true
  deletion_protection          = var.deletion_protection
  skip_final_snapshot          = !var.deletion_protection
  final_snapshot_identifier    = var.deletion_protection ? "${var.name}-final" : null

  enabled_cloudwatch_logs_exports = ["postgresql"]

  tags = var.tags

  # The group must be there first, or RDS makes one that keeps logs for ever.
  depends_on = [module.log_group]
}

resource "aws_rds_cluster_instance" "this" {
  count = var.instances

  identifier         = "${var.name}-${count.index}"
  cluster_identifier = aws_rds_cluster.this.id
  engine             = aws_rds_cluster.this.engine
  engine_version     = aws_rds_cluster.this.engine_version
  instance_class     = "db.serverless"
  # The first two follow each other in capacity: the second takes over when the first fails.
  promotion_tier = min(count.index, 2)

  publicly_accessible          = false
  auto_minor_version_upgrade   = true
  ca_cert_identifier           = "rds-ca-rsa2048-g1"
  copy_tags_to_snapshot        = true
  monitoring_interval          = 60
  monitoring_role_arn          = module.monitoring_role.arn
  performance_insights_enabled = true

  performance_insights_kms_key_id = var.kms_key_arn

  tags = var.tags
}

module "log_group" {
  source = "../../modules/aws_log_group"

  name           = "/aws/rds/cluster/${var.name}/postgresql"
  retention_days = var.log_retention_days
  kms_key_arn    = var.log_kms_key_arn
  tags           = var.tags
}

module "monitoring_role" {
  source = "../../modules/aws_iam_role"

  name                     = "${var.name}-rds-monitoring"
  description              = "Lets RDS write the operating system's figures of ${var.name}"
  path                     = var.role_path
  trust                    = { services = ["monitoring.rds.amazonaws.com"] }
  managed_policy_arns      = ["arn:${data.aws_partition.this.partition}:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"]
  permissions_boundary_arn = var.permissions_boundary_arn
  tags                     = var.tags
}
