variable "access" {
  description = "Who may use the cluster: admins and viewers as ARNs of IAM roles, deployers by a name of their own (their ARN may still be unknown)."
  type = object({
    admins    = list(string)
    viewers   = list(string)
    deployers = map(string)
  })
  nullable = false
}

variable "addon_versions" {
  description = "Versions of add-ons to stay at, by name; those that are absent follow the cluster's default."
  type        = map(string)
  nullable    = false
}

variable "api_cidrs" {
  description = "From where the cluster's API is reached over the internet; empty: from the network only."
  type        = list(string)
  nullable    = false
}

variable "deletion_protection" {
  description = "Whether AWS refuses to delete the cluster."
  type        = bool
  nullable    = false
}

variable "kms_key_arn" {
  description = "KMS key of the cluster's secrets."
  type        = string
  nullable    = false
}

variable "kubernetes_version" {
  description = "Version of Kubernetes."
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
  description = "Name of the installation and of the cluster."
  type        = string
  nullable    = false
}

variable "namespaces" {
  description = "Namespaces that deployers may change."
  type        = list(string)
  nullable    = false
}

variable "node_groups" {
  description = "Groups of nodes, by name."
  type = map(object({
    instance_type = string
    min           = number
    max           = number
    disk_gb       = number
  }))
  nullable = false
}

variable "node_security_group_id" {
  description = "Security group of the nodes, beside the cluster's own."
  type        = string
  nullable    = false
}

variable "permissions_boundary_arn" {
  description = "Policy that no role made here can go beyond."
  type        = string
  nullable    = false
}

variable "pod_identities" {
  description = "Roles of pods: a namespace, a service account in it, and the role that its pods are."
  type = map(object({
    namespace       = string
    service_account = string
    role_arn        = string
  }))
  nullable = false
}

variable "role_path" {
  description = "Path of the roles."
  type        = string
  nullable    = false
}

variable "subnet_ids" {
  description = "Orchestrator subnets, one per zone."
  type        = list(string)
  nullable    = false
}

variable "tags" {
  description = "Tags on every resource."
  type        = map(string)
  nullable    = false
}
