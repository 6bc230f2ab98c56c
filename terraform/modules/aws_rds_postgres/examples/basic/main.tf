provider "aws" {
  region = "eu-central-1"
}

module "database" {
  source = "../.."

  name               = "orders-test"
  instance_class     = "db.t4g.medium"
  multi_az           = false
  subnet_ids         = ["subnet-0a1b2c3d4e5f60718", "subnet-0a1b2c3d4e5f60719"]
  security_group_ids = ["sg-0a1b2c3d4e5f60718"]

  deletion_protection = false
}

output "address" {
  description = "Host name of the server."
  value       = module.database.address
}
