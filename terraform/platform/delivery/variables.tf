variable "environments" {
  description = "Environments of the GitHub repository that workflows deliver from."
  type        = set(string)
  nullable    = false

  validation {
    condition     = alltrue([for name in var.environments : can(regex("^[A-Za-z0-9_-]{1,30}$", name))])
    error_message = "Each of environments must have 1 to 30 letters, digits, hyphens and underscores, and no *."
  }
}

variable "existing_provider" {
  description = "Whether the account has GitHub's identity provider already."
  type        = bool
  nullable    = false
}

variable "name" {
  description = "Name of the installation and of the cluster."
  type        = string
  nullable    = false
}

variable "permissions_boundary_arn" {
  description = "Policy that no role made here can go beyond."
  type        = string
  nullable    = false
}

variable "repository" {
  description = "The GitHub repository, owner/name."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.repository))
    error_message = "The repository must look like owner/name, without a *."
  }
}

variable "repository_arns" {
  description = "Image repositories, by name."
  type        = map(string)
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
