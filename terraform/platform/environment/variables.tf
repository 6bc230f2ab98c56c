variable "apply_hours" {
  description = "Longest session of an apply."
  type        = number
  default     = 2
  nullable    = false
}

variable "environment" {
  description = "Name of the environment, as its file is called."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,29}$", var.environment))
    error_message = "The environment must start with a lower-case letter and hold at most 30 lower-case letters, digits and hyphens: roles are named after it."
  }
}

variable "modules" {
  description = "Modules of the catalogue that processes may use in this environment."
  type        = set(string)
  nullable    = false

  validation {
    condition     = length(setsubtract(var.modules, keys(jsondecode(file("${path.module}/permissions.json"))))) == 0
    error_message = "Each of modules must have its permissions in permissions.json."
  }
}

variable "name" {
  description = "Name of the installation."
  type        = string
  nullable    = false
}

variable "permissions_boundary_arn" {
  description = "Policy that no role made here can go beyond."
  type        = string
  nullable    = false
}

variable "protected_bucket_arns" {
  description = "Buckets that no apply may touch."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "role_path" {
  description = "Path of the roles."
  type        = string
  nullable    = false
}

variable "tags" {
  description = "Tags on every resource."
  type        = map(string)
  nullable    = false
}

variable "worker_role_arn" {
  description = "Role of the workers, which may become these roles."
  type        = string
  nullable    = false
}
