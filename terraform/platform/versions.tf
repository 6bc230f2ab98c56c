terraform {
  # 1.11 is the first version of Terraform in which S3 alone locks the state; OpenTofu has it from 1.10 on.
  required_version = ">= 1.10"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.0, < 7.0"
    }
  }
}
