variable "alert_emails" {
  description = "Who gets alarms by e-mail; each has to confirm once."
  type        = list(string)
  nullable    = false

  validation {
    condition     = alltrue([for address in var.alert_emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", address))])
    error_message = "Each of alert_emails must be an e-mail address."
  }
}

variable "approval_hours" {
  description = "Hours after which a waiting change is an alarm."
  type        = number
  nullable    = false

  validation {
    condition     = var.approval_hours > 0
    error_message = "The approval_hours must be more than 0."
  }
}

variable "budget_usd" {
  description = "Monthly budget of the account in US dollars; 0: none."
  type        = number
  nullable    = false

  validation {
    condition     = var.budget_usd >= 0
    error_message = "The budget_usd must not be less than 0."
  }
}

variable "database_id" {
  description = "Identifier of the database cluster."
  type        = string
  nullable    = false
}

variable "failed_jobs" {
  description = "Jobs that may fail within 15 minutes without an alarm."
  type        = number
  nullable    = false
}

variable "log_kms_key_arn" {
  description = "KMS key of logs and topics."
  type        = string
  nullable    = false
}

variable "log_retention_days" {
  description = "Days that logs are kept."
  type        = number
  nullable    = false
}

variable "name" {
  description = "Name of the installation; dimension Installation of its metrics."
  type        = string
  nullable    = false
}

variable "namespace" {
  description = "Namespace of Sluis in the cluster."
  type        = string
  nullable    = false
}

variable "tags" {
  description = "Tags on every resource."
  type        = map(string)
  nullable    = false
}
