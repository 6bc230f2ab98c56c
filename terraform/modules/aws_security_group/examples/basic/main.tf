provider "aws" {
  region = "eu-central-1"
}

module "web" {
  source = "../.."

  name        = "web"
  description = "Web servers behind the load balancer"
  vpc_id      = "vpc-0a1b2c3d4e5f60718"

  ingress = {
    from-load-balancer = {
      description       = "HTTP from the load balancer"
      from_port         = 8080
      security_group_id = "sg-0a1b2c3d4e5f60718"
    }
  }

  egress = {
    https = {
      description = "Package mirrors"
      from_port   = 443
      cidr_ipv4   = "0.0.0.0/0"
    }
  }
}

output "id" {
  description = "Id of the group."
  value       = module.web.id
}
