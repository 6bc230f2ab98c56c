variable "account" {
  description = "Number of the AWS account; another one is refused."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account))
    error_message = "The account must have 12 digits."
  }
}

variable "addon_versions" {
  description = "Versions of EKS add-ons to stay at, by name; those that are absent follow the default of the Kubernetes version."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "alert_emails" {
  description = "Who gets alarms by e-mail; each has to confirm once."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "api_cidrs" {
  description = "From where the cluster's API is reached over the internet, such as an office; empty: from the network only."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for cidr in var.api_cidrs : can(cidrnetmask(cidr)) && !endswith(cidr, "/0")])
    error_message = "Each of api_cidrs must be an IPv4 range, and not the whole internet."
  }
}

variable "approval_hours" {
  description = "Hours after which a change that waits for people is an alarm."
  type        = number
  default     = 24
  nullable    = false
}

variable "budget_usd" {
  description = "Monthly budget of the account in US dollars, for an alarm; 0: none."
  type        = number
  default     = 0
  nullable    = false
}

variable "cidr" {
  description = "The network's private IPv4 range, a /16."
  type        = string
  default     = "10.30.0.0/16"
  nullable    = false
}

variable "cluster_admins" {
  description = "ARNs of IAM roles that may do everything in the cluster. There must be one: whoever makes the cluster is nobody in it."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.cluster_admins) > 0 && alltrue([for arn in var.cluster_admins : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$", arn))])
    error_message = "There must be at least one of cluster_admins, each the ARN of an IAM role."
  }
}

variable "cluster_viewers" {
  description = "ARNs of IAM roles that may look at everything in the cluster but secrets."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "deletion_protection" {
  description = "Whether AWS refuses to delete database and cluster, and a destroy leaves full buckets alone; null: as the size says."
  type        = bool
  default     = null
}

variable "environments" {
  description = "Environments of this account, as their files are called, with the modules of the catalogue that they may use."
  type = map(object({
    modules = set(string)
  }))
  default  = {}
  nullable = false
}

variable "github" {
  description = "Repository whose workflows deliver, its environments, and whether the account has GitHub's identity provider already; null: none."
  type = object({
    repository        = string
    environments      = set(string)
    existing_provider = optional(bool, false)
  })
  default = null
}

variable "host_cidrs" {
  description = "Ranges of hosts that no process made and that are configured over SSH, such as a data centre; the route there is yours to make."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for cidr in var.host_cidrs : can(cidrnetmask(cidr)) && !endswith(cidr, "/0")])
    error_message = "Each of host_cidrs must be an IPv4 range, and not the whole internet."
  }
}

variable "kubernetes_version" {
  description = "Version of Kubernetes. One step at a time."
  type        = string
  default     = "1.34"
  nullable    = false

  validation {
    condition     = can(regex("^1\\.[0-9]{2}$", var.kubernetes_version))
    error_message = "The kubernetes_version must look like 1.34."
  }
}

variable "more_pods" {
  description = "More pods that are an IAM role, such as the controller of load balancers: namespace, service account, and a file with the policy."
  type = map(object({
    namespace       = string
    service_account = string
    policy_file     = string
  }))
  default  = {}
  nullable = false
}

variable "name" {
  description = "Name of the installation: first part of all names."
  type        = string
  default     = "sluis"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,15}$", var.name))
    error_message = "The name must start with a lower-case letter and hold 2 to 16 lower-case letters, digits and hyphens."
  }
}

variable "other_accounts" {
  description = "Further accounts in which environments are; terraform/platform/environment is applied there."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for account in var.other_accounts : can(regex("^[0-9]{12}$", account))])
    error_message = "Each of other_accounts must have 12 digits."
  }
}

variable "people_cidrs" {
  description = "From where people reach Tasklist, Operate and the run pages, over HTTPS."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "postgres_version" {
  description = "PostgreSQL's version, as Aurora names it; one that Camunda supports."
  type        = string
  default     = "17.5"
  nullable    = false

  validation {
    condition     = can(regex("^1[5-7]\\.[0-9]+$", var.postgres_version))
    error_message = "The postgres_version must be 15, 16 or 17 with a minor version, such as 17.5."
  }
}

variable "region" {
  description = "The region."
  type        = string
  default     = "eu-central-1"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "The region must look like eu-central-1."
  }
}

variable "secrets" {
  description = "Secrets to make without a value, each with what it is for. People put the values in."
  type        = map(string)
  default = {
    "camunda/licence" = "Licence key of Camunda"
    "camunda/client"  = "Client id and secret with which the workers sign in to Camunda"
    "web/session"     = "Key that signs sessions of the run pages"
    "slack/token"     = "Token of the Slack app"
  }
  nullable = false
}

variable "size" {
  description = "poc: to try it out. small: one team. production: several customers, survives the loss of a zone."
  type        = string
  nullable    = false

  validation {
    condition     = contains(["poc", "small", "production"], var.size)
    error_message = "The size must be poc, small or production."
  }
}

variable "tags" {
  description = "Tags on every resource, beside sluis:platform."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "zones" {
  description = "Three availability zones; empty: the first three of the region, by letter."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = contains([0, 3], length(var.zones))
    error_message = "There must be three zones, or none."
  }
}
