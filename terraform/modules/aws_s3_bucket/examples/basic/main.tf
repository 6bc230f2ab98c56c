provider "aws" {
  region = "eu-central-1"
}

module "archive" {
  source = "../.."

  name           = "example-test-archive"
  lifecycle_days = { old_versions = 30, cheaper_after = 60 }
  object_lock    = { mode = "GOVERNANCE", days = 365 }
}

output "arn" {
  description = "ARN of the bucket."
  value       = module.archive.arn
}
