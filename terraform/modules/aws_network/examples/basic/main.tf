provider "aws" {
  region = "eu-central-1"
}

module "network" {
  source = "../.."

  name  = "example-test"
  cidr  = "10.20.0.0/16"
  zones = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
  nat   = "one"

  tiers = {
    public  = { cidr = "10.20.0.0/20", kind = "public" }
    private = { cidr = "10.20.64.0/18", kind = "private" }
    data    = { cidr = "10.20.128.0/20", kind = "isolated" }
  }

  endpoints = { gateway = ["s3"], interface = ["ssm"], tier = "private" }
}

output "subnet_ids" {
  description = "Ids of the subnets by tier."
  value       = module.network.subnet_ids
}
