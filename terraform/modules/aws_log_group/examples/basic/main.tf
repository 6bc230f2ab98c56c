provider "aws" {
  region = "eu-central-1"
}

module "logs" {
  source = "../.."

  name           = "/sluis/test/web"
  retention_days = 30
}

output "arn" {
  description = "ARN of the group."
  value       = module.logs.arn
}
