variable "backup_days" {
  description = "Days for which the database can be set back to any second."
  type        = number
  default     = 14
  nullable    = false

  validation {
    condition     = var.backup_days >= 1 && var.backup_days <= 35
    error_message = "The backup_days must lie between 1 and 35."
  }
}

variable "database" {
  description = "Name of the first database."
  type        = string
  default     = "app"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{0,62}$", var.database))
    error_message = "The database must start with a lower-case letter and hold at most 63 lower-case letters, digits and underscores."
  }
}

variable "deletion_protection" {
  description = "Whether AWS refuses to delete the database until this is turned off by a change of its own. Without it a destroy leaves no final snapshot."
  type        = bool
  default     = true
  nullable    = false
}

variable "engine_version" {
  description = "PostgreSQL's version: the major one, or a minor one to stay at."
  type        = string
  default     = "17"
  nullable    = false

  validation {
    condition     = can(regex("^1[4-9](\\.[0-9]+)?$", var.engine_version))
    error_message = "The engine_version must be 14 or newer, such as 17 or 17.5."
  }
}

variable "instance_class" {
  description = "The instance class."
  type        = string
  default     = "db.t4g.medium"
  nullable    = false

  validation {
    condition     = can(regex("^db\\.[a-z0-9-]+\\.[a-z0-9-]+$", var.instance_class))
    error_message = "The instance_class must look like db.t4g.medium."
  }
}

variable "kms_key_arn" {
  description = "KMS key that encrypts disk, backups, password and figures; null: the account's own keys."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.kms_key_arn))
    error_message = "The kms_key_arn must be the ARN of a KMS key."
  }
}

variable "log_kms_key_arn" {
  description = "KMS key that encrypts the logs; its policy must let CloudWatch Logs use it. Null: AWS's own key."
  type        = string
  default     = null
}

variable "log_retention_days" {
  description = "Days that logs are kept."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "The log_retention_days must be a number that CloudWatch knows, such as 30, 90 or 365."
  }
}

variable "multi_az" {
  description = "Whether a second copy in another zone takes over when the first fails; doubles the cost."
  type        = bool
  default     = true
  nullable    = false
}

variable "name" {
  description = "The database server's name, unique in the account and region."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]([a-z0-9]|-[a-z0-9]){0,38}$", var.name)) && length(var.name) <= 39
    error_message = "The name must start with a lower-case letter, hold at most 39 lower-case letters, digits and single hyphens, and not end with a hyphen."
  }
}

variable "permissions_boundary_arn" {
  description = "ARN of a policy that the monitoring role can never go beyond; null: none."
  type        = string
  default     = null
}

variable "security_group_ids" {
  description = "Security groups of the database; one of them must let its clients in on port 5432."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.security_group_ids) > 0 && alltrue([for id in var.security_group_ids : can(regex("^sg-[0-9a-f]{8,17}$", id))])
    error_message = "There must be at least one of security_group_ids, each like sg-0123456789abcdef0."
  }
}

variable "slow_statement_ms" {
  description = "Statements that take at least so many milliseconds are logged; -1: none."
  type        = number
  default     = 1000
  nullable    = false

  validation {
    condition     = var.slow_statement_ms >= -1 && floor(var.slow_statement_ms) == var.slow_statement_ms
    error_message = "The slow_statement_ms must be a whole number of at least -1."
  }
}

variable "storage" {
  description = "The disk (gp3) and how far it may grow by itself."
  type = object({
    size_gb     = optional(number, 20)
    max_size_gb = optional(number, 100)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.storage.size_gb >= 20 && var.storage.max_size_gb > var.storage.size_gb
    error_message = "The storage.size_gb must be at least 20, and the storage.max_size_gb more than that."
  }
}

variable "subnet_ids" {
  description = "Private subnets in at least two zones."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.subnet_ids) >= 2 && alltrue([for id in var.subnet_ids : can(regex("^subnet-[0-9a-f]{8,17}$", id))])
    error_message = "There must be at least two of subnet_ids, each like subnet-0123456789abcdef0."
  }
}

variable "tags" {
  description = "Tags on every resource."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "username" {
  description = "Name of the first user, who owns everything."
  type        = string
  default     = "owner"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{0,15}$", var.username)) && !contains(["admin", "postgres", "rdsadmin", "user"], var.username)
    error_message = "The username must start with a lower-case letter, hold at most 16 lower-case letters, digits and underscores, and not be a reserved one (admin, postgres, rdsadmin, user)."
  }
}
