resource "aws_cloudwatch_log_group" "this" {
  # checkov:skip=CKV_AWS_338:How long logs are kept is an input, with a default of 90 days: law and price differ by log
  name              = var.name
  retention_in_days = var.retention_days
  kms_key_id        = var.kms_key_arn
  log_group_class   = var.class
  skip_destroy      = var.keep
  tags              = var.tags
}
