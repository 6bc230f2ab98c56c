variable "description" {
  description = "What the role is for."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.description) >= 1 && length(var.description) <= 1000
    error_message = "The description must have 1 to 1000 characters."
  }
}

variable "managed_policy_arns" {
  description = "ARNs of managed policies to attach."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.managed_policy_arns : !endswith(arn, ":aws:policy/AdministratorAccess")])
    error_message = "The managed_policy_arns must not have AdministratorAccess."
  }
}

variable "max_session_hours" {
  description = "Longest session."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.max_session_hours >= 1 && var.max_session_hours <= 12
    error_message = "The max_session_hours must lie between 1 and 12."
  }
}

variable "name" {
  description = "The role's name, unique in the account."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9+=,.@_-]{1,64}$", var.name))
    error_message = "The name must have 1 to 64 letters, digits and +=,.@_-."
  }
}

variable "path" {
  description = "The role's path, such as /sluis/."
  type        = string
  default     = "/"
  nullable    = false

  validation {
    condition     = can(regex("^/([!-~]+/)?$", var.path))
    error_message = "The path must begin and end with a slash."
  }
}

variable "permissions_boundary_arn" {
  description = "ARN of a policy that the role can never go beyond; null: none."
  type        = string
  default     = null
}

variable "policies" {
  description = "What the role may do: JSON policy documents by name."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for policy in values(var.policies) : can(jsondecode(policy).Statement)])
    error_message = "Each of policies must be a JSON document with Statement."
  }

  validation {
    condition = alltrue([
      for statement in flatten([for policy in values(var.policies) : try(jsondecode(policy).Statement, [])]) :
      try(statement.Effect, "") != "Allow" || !(contains(flatten([try(statement.Action, [])]), "*") && contains(flatten([try(statement.Resource, [])]), "*"))
    ])
    error_message = "No statement of policies may allow everything (Action * on Resource *)."
  }
}

variable "tags" {
  description = "Tags on every resource."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "trust" {
  description = "Who may be this role: AWS services, other roles and users by ARN (with an external id where a third party asks), and identities of OpenID Connect providers."
  type = object({
    services       = optional(set(string), [])
    principal_arns = optional(set(string), [])
    external_id    = optional(string)
    oidc = optional(list(object({
      provider_arn = string
      issuer       = string
      audience     = optional(string, "sts.amazonaws.com")
      subjects     = list(string)
    })), [])
  })
  nullable = false

  validation {
    condition     = length(var.trust.services) + length(var.trust.principal_arns) + length(var.trust.oidc) > 0
    error_message = "The trust must name somebody."
  }

  validation {
    condition     = alltrue([for arn in var.trust.principal_arns : can(regex("^arn:aws[a-z-]*:(iam|sts)::[0-9]{12}:[^*]+$", arn))])
    error_message = "Each of trust.principal_arns must be the ARN of a role, user or account, without a *."
  }

  validation {
    condition     = alltrue([for oidc in var.trust.oidc : length(oidc.subjects) > 0 && alltrue([for subject in oidc.subjects : !startswith(subject, "*")])])
    error_message = "Each of trust.oidc must have subjects, none of which may begin with a *."
  }
}
