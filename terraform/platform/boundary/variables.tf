variable "name" {
  description = "Name of the installation."
  type        = string
  nullable    = false
}

variable "role_path" {
  description = "Path of the policy and of the roles."
  type        = string
  nullable    = false
}

variable "services" {
  description = "Services, as IAM names them, outside of which no role can do anything."
  type        = set(string)
  nullable    = false

  default = [
    "acm", "autoscaling", "cloudfront", "cloudwatch", "ec2", "ec2-instance-connect", "ecr", "eks", "eks-auth",
    "elasticloadbalancing", "iam", "kms", "logs", "rds", "s3", "secretsmanager", "sns", "ssm", "sts", "tag",
  ]

  validation {
    condition     = alltrue([for service in var.services : can(regex("^[a-z][a-z0-9-]*$", service))])
    error_message = "Each of services must be a prefix such as ec2, without a *."
  }
}

variable "tags" {
  description = "Tags on every resource."
  type        = map(string)
  nullable    = false
}
