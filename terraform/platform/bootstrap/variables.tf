variable "account" {
  description = "Number of the AWS account; another one is refused."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account))
    error_message = "The account must have 12 digits."
  }
}

variable "name" {
  description = "Name of the installation."
  type        = string
  default     = "sluis"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,15}$", var.name))
    error_message = "The name must start with a lower-case letter and hold 2 to 16 lower-case letters, digits and hyphens."
  }
}

variable "region" {
  description = "The region."
  type        = string
  default     = "eu-central-1"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "The region must look like eu-central-1."
  }
}
