variable "access_log_bucket" {
  description = "Bucket that takes the access logs, under <name>/; null: none are written."
  type        = string
  default     = null
}

variable "force_destroy" {
  description = "Whether a destroy removes the bucket with everything in it. Otherwise it fails while there is something in it."
  type        = bool
  default     = false
  nullable    = false
}

variable "kms_key_arn" {
  description = "KMS key that encrypts the objects; null: the account's key for S3 (aws/s3)."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:(key|alias)/.+$", var.kms_key_arn))
    error_message = "The kms_key_arn must be the ARN of a KMS key."
  }
}

variable "lifecycle_days" {
  description = "Days until old versions are removed, until objects move to cheaper storage (STANDARD_IA), and until they expire; null: never."
  type = object({
    old_versions  = optional(number, 90)
    cheaper_after = optional(number)
    expire_after  = optional(number)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.lifecycle_days.old_versions >= 1 && coalesce(var.lifecycle_days.cheaper_after, 30) >= 30
    error_message = "The lifecycle_days.old_versions must be at least 1, the lifecycle_days.cheaper_after at least 30, as S3 asks for."
  }

  validation {
    condition     = coalesce(var.lifecycle_days.expire_after, 100000) > coalesce(var.lifecycle_days.cheaper_after, 0)
    error_message = "The lifecycle_days.expire_after must be later than the lifecycle_days.cheaper_after."
  }
}

variable "name" {
  description = "The bucket's name, unique in all of AWS."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.name))
    error_message = "The name must have 3 to 63 lower-case letters, digits and hyphens, and begin and end with a letter or digit."
  }
}

variable "object_lock" {
  description = "Days in which no version can be removed: by nobody (COMPLIANCE) or only by those with a special permission (GOVERNANCE). Without mode and days whoever writes an object says how long it is locked. Null: no lock. It can only be given when the bucket is made."
  type = object({
    mode = optional(string)
    days = optional(number)
  })
  default = null

  validation {
    condition     = try(var.object_lock.mode, null) == null || try(contains(["COMPLIANCE", "GOVERNANCE"], var.object_lock.mode), false)
    error_message = "The object_lock.mode must be COMPLIANCE or GOVERNANCE."
  }

  validation {
    condition     = (try(var.object_lock.mode, null) == null) == (try(var.object_lock.days, null) == null) && coalesce(try(var.object_lock.days, null), 1) >= 1
    error_message = "The object_lock.mode and the object_lock.days go together, and the days are at least 1."
  }
}

variable "policy" {
  description = "More statements of the bucket policy, as a JSON document; null: none. The one that asks for TLS is always there."
  type        = string
  default     = null

  validation {
    condition     = var.policy == null || can(jsondecode(var.policy).Statement)
    error_message = "The policy must be a JSON document with Statement."
  }
}

variable "tags" {
  description = "Tags on every resource."
  type        = map(string)
  default     = {}
  nullable    = false
}
