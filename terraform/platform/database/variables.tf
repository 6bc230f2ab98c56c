variable "backup_days" {
  description = "Days for which the database can be set back to any second."
  type        = number
  nullable    = false
}

variable "capacity" {
  description = "Least and most capacity of each instance, in Aurora capacity units (2 GiB of memory each)."
  type = object({
    min = number
    max = number
  })
  nullable = false
}

variable "deletion_protection" {
  description = "Whether AWS refuses to delete the database. Without it a destroy leaves no final snapshot."
  type        = bool
  nullable    = false
}

variable "engine_version" {
  description = "PostgreSQL's version, as Aurora names it."
  type        = string
  nullable    = false
}

variable "instances" {
  description = "Instances; from two on one takes over when another fails."
  type        = number
  nullable    = false
}

variable "kms_key_arn" {
  description = "KMS key of disk, backups, password and figures."
  type        = string
  nullable    = false
}

variable "log_kms_key_arn" {
  description = "KMS key of the logs."
  type        = string
  nullable    = false
}

variable "log_retention_days" {
  description = "Days that logs are kept."
  type        = number
  nullable    = false
}

variable "name" {
  description = "Name of the installation and of the database cluster."
  type        = string
  nullable    = false
}

variable "permissions_boundary_arn" {
  description = "Policy that no role made here can go beyond."
  type        = string
  nullable    = false
}

variable "role_path" {
  description = "Path of the roles."
  type        = string
  nullable    = false
}

variable "security_group_ids" {
  description = "Security groups of the database."
  type        = list(string)
  nullable    = false
}

variable "subnet_ids" {
  description = "Data subnets, one per zone."
  type        = list(string)
  nullable    = false
}

variable "tags" {
  description = "Tags on every resource."
  type        = map(string)
  nullable    = false
}
