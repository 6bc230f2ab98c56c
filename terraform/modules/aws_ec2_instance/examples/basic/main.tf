provider "aws" {
  region = "eu-central-1"
}

module "machine" {
  source = "../.."

  name               = "web1"
  instance_type      = "t3.small"
  subnet_id          = "subnet-0a1b2c3d4e5f60718"
  security_group_ids = ["sg-0a1b2c3d4e5f60718"]
}

output "hosts" {
  description = "The machine."
  value       = module.machine.hosts
}
