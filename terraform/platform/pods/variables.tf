variable "bucket_arns" {
  description = "Buckets of the record and of states, by name."
  type        = map(string)
  nullable    = false
}

variable "kms_key_arns" {
  description = "Keys of buckets, secrets and topics."
  type        = list(string)
  nullable    = false
}

variable "log_group_arns" {
  description = "Log groups that the collector writes metrics and logs into."
  type        = list(string)
  nullable    = false
}

variable "name" {
  description = "Name of the installation."
  type        = string
  nullable    = false
}

variable "namespace" {
  description = "Namespace of Sluis in the cluster."
  type        = string
  nullable    = false
}

variable "other_accounts" {
  description = "Further accounts whose roles the workers may become."
  type        = list(string)
  nullable    = false
}

variable "others" {
  description = "More pods with roles: namespace, service account and policy (JSON)."
  type = map(object({
    namespace       = string
    service_account = string
    policy          = string
  }))
  nullable = false
}

variable "permissions_boundary_arn" {
  description = "Policy that no role made here can go beyond."
  type        = string
  nullable    = false
}

variable "pools" {
  description = "Pools of workers, as the chart names them."
  type        = set(string)
  default     = ["terraform", "ansible", "light"]
  nullable    = false
}

variable "role_path" {
  description = "Path of the roles."
  type        = string
  nullable    = false
}

variable "secret_arns" {
  description = "Secrets that may be copied into the cluster."
  type        = list(string)
  nullable    = false
}

variable "tags" {
  description = "Tags on every resource."
  type        = map(string)
  nullable    = false
}

variable "topic_arns" {
  description = "Topics that workers tell people through."
  type        = list(string)
  nullable    = false
}
