provider "aws" {
  region = "eu-central-1"
}

module "role" {
  source = "../.."

  name        = "web-server"
  description = "What web servers may do"
  trust       = { services = ["ec2.amazonaws.com"] }

  policies = {
    read-releases = jsonencode({
      Version = "2012-10-17"
      Statement = [{
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = ["arn:aws:s3:::example-releases/*"]
      }]
    })
  }
}

output "instance_profile" {
  description = "Name of the instance profile."
  value       = module.role.instance_profile
}
