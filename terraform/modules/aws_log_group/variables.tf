variable "class" {
  description = "\"STANDARD\", or \"INFREQUENT_ACCESS\": cheaper to take in, without metric filters and live tail. A change of it makes a new group."
  type        = string
  default     = "STANDARD"
  nullable    = false

  validation {
    condition     = contains(["STANDARD", "INFREQUENT_ACCESS"], var.class)
    error_message = "The class must be STANDARD or INFREQUENT_ACCESS."
  }
}

variable "keep" {
  description = "Whether the group and its logs stay in AWS when the stack is destroyed."
  type        = bool
  default     = false
  nullable    = false
}

variable "kms_key_arn" {
  description = "KMS key that encrypts the logs; its policy must let CloudWatch Logs use it. Null: AWS's own key."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:(key|alias)/.+$", var.kms_key_arn))
    error_message = "The kms_key_arn must be the ARN of a KMS key."
  }
}

variable "name" {
  description = "The group's name, unique in its region, such as /sluis/test/web."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_./#-]{1,512}$", var.name)) && !startswith(var.name, "aws/")
    error_message = "The name must have 1 to 512 of A-Z, a-z, 0-9 and _./#-, and not start with aws/."
  }
}

variable "retention_days" {
  description = "Days that logs are kept; 0 keeps them for ever."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = contains([0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.retention_days)
    error_message = "The retention_days must be a number that CloudWatch knows: 0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "tags" {
  description = "Tags on every resource."
  type        = map(string)
  default     = {}
  nullable    = false
}
