# What must outlive everything else: states of stacks, and the record of plans, approvals, runs and the audit trail.

module "state" {
  source = "../../modules/aws_s3_bucket"

  name              = "${var.prefix}-state"
  kms_key_arn       = var.kms_key_arn
  lifecycle_days    = { old_versions = var.old_versions_days }
  access_log_bucket = aws_s3_bucket.access_logs.bucket
  force_destroy     = var.force_destroy
  tags              = var.tags
}

# The lock has no default: Sluis sets it on entries of the audit trail only (SLUIS_STORE_LOCK_DAYS).
module "store" {
  source = "../../modules/aws_s3_bucket"

  name              = "${var.prefix}-store"
  kms_key_arn       = var.kms_key_arn
  object_lock       = {}
  lifecycle_days    = { old_versions = var.old_versions_days, cheaper_after = 90 }
  access_log_bucket = aws_s3_bucket.access_logs.bucket
  force_destroy     = var.force_destroy
  tags              = var.tags
}

resource "aws_ecr_repository" "this" {
  for_each = var.repositories

  name                 = each.key
  image_tag_mutability = "IMMUTABLE"
  force_delete         = var.force_destroy
  tags                 = var.tags

  image_scanning_configuration {
    scan_on_push = true
  }

  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = var.kms_key_arn
  }
}

resource "aws_ecr_lifecycle_policy" "this" {
  for_each = aws_ecr_repository.this

  repository = each.value.name

  policy = jsonencode({
    rules = [
      {
        rulePriority = 1
        description  = "Images whose tag was taken away"
        selection    = { tagStatus = "untagged", countType = "sinceImagePushed", countUnit = "days", countNumber = 14 }
        action       = { type = "expire" }
      },
      {
        rulePriority = 2
        description  = "All but the last 50"
        selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = 50 }
        action       = { type = "expire" }
      },
    ]
  })
}

# Their values are put in by people (docs/runbooks), never by Terraform: so they are in no state and no plan.
resource "aws_secretsmanager_secret" "this" {
  # checkov:skip=CKV2_AWS_57:Values of other parties (Slack, Camunda's licence): nothing here could change them by itself
  for_each = var.secrets

  name                    = "${var.name}/${each.key}"
  description             = each.value
  kms_key_id              = var.kms_key_arn
  recovery_window_in_days = var.recovery_days
  tags                    = var.tags
}
