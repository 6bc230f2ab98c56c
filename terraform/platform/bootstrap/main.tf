# The bucket that the platform's own state lives in. Applied once, with a local state that then moves into the bucket.

provider "aws" {
  region              = var.region
  allowed_account_ids = [var.account]

  default_tags {
    tags = { "sluis:platform" = var.name }
  }
}

resource "aws_kms_key" "this" {
  description             = "State of the platform of ${var.name}"
  enable_key_rotation     = true
  deletion_window_in_days = 30

  # The account's policies decide who may use it.
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "ByPoliciesOfTheAccount"
      Effect    = "Allow"
      Action    = "kms:*"
      Resource  = "*"
      Principal = { AWS = "arn:${data.aws_partition.this.partition}:iam::${var.account}:root" }
    }]
  })
}

resource "aws_kms_alias" "this" {
  name          = "alias/${var.name}-platform-state"
  target_key_id = aws_kms_key.this.key_id
}

module "bucket" {
  source = "../../modules/aws_s3_bucket"

  name           = "${var.name}-${var.account}-${var.region}-platform"
  kms_key_arn    = aws_kms_key.this.arn
  lifecycle_days = { old_versions = 365 }
}

data "aws_partition" "this" {}
