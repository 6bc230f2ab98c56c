provider "aws" {
  region = "eu-central-1"
}

module "site" {
  source = "../.."

  bucket_name = "example-test-site"
  description = "Manuals of Example"

  domain = {
    names           = ["manuals.example.com"]
    certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
  }
}

output "url" {
  description = "Where the site is."
  value       = module.site.url
}
