variable "access_log_days" {
  description = "Days that access logs of the buckets are kept."
  type        = number
  nullable    = false
}

variable "force_destroy" {
  description = "Whether a destroy removes buckets and repositories with everything in them."
  type        = bool
  nullable    = false
}

variable "kms_key_arn" {
  description = "KMS key of buckets, images and secrets."
  type        = string
  nullable    = false
}

variable "name" {
  description = "Name of the installation; first part of the names of secrets."
  type        = string
  nullable    = false
}

variable "old_versions_days" {
  description = "Days that overwritten and deleted objects can be had back."
  type        = number
  nullable    = false
}

variable "prefix" {
  description = "First part of the names of buckets, unique in all of AWS."
  type        = string
  nullable    = false
}

variable "recovery_days" {
  description = "Days in which a deleted secret can be had back; 0: none."
  type        = number
  nullable    = false
}

variable "repositories" {
  description = "Image repositories."
  type        = set(string)
  nullable    = false
}

variable "secrets" {
  description = "Secrets without a value, each with what it is for."
  type        = map(string)
  nullable    = false
}

variable "tags" {
  description = "Tags on every resource."
  type        = map(string)
  nullable    = false
}
