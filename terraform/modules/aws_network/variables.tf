variable "cidr" {
  description = "The network's private IPv4 range."
  type        = string
  default     = "10.20.0.0/16"
  nullable    = false

  validation {
    condition     = can(cidrnetmask(var.cidr)) && can(regex("^(10\\.|172\\.(1[6-9]|2[0-9]|3[01])\\.|192\\.168\\.)[0-9.]+/(1[6-9]|2[0-4])$", var.cidr))
    error_message = "The cidr must be a private IPv4 range between /16 and /24, such as 10.20.0.0/16."
  }
}

variable "endpoints" {
  description = "Ways to AWS services that do not leave the network: gateway endpoints (free), and interface endpoints (by the hour and zone) in the subnets of one tier."
  type = object({
    gateway   = optional(set(string), ["s3"])
    interface = optional(set(string), [])
    tier      = optional(string, "private")
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for name in var.endpoints.gateway : contains(["s3", "dynamodb"], name)])
    error_message = "Only s3 and dynamodb have gateway endpoints."
  }
}

variable "flow_logs" {
  description = "How long the record of all connections is kept, and the KMS key that encrypts it (null: AWS's own)."
  type = object({
    retention_days = optional(number, 365)
    kms_key_arn    = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.flow_logs.retention_days)
    error_message = "The flow_logs.retention_days must be a number that CloudWatch knows, such as 30, 90 or 365."
  }
}

variable "name" {
  description = "The network's name."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,38}$", var.name))
    error_message = "The name must start with a lower-case letter and hold at most 39 lower-case letters, digits and hyphens."
  }
}

variable "nat" {
  description = "How private subnets reach the internet: \"none\", \"one\" NAT gateway for all zones, or one \"per-zone\"."
  type        = string
  default     = "one"
  nullable    = false

  validation {
    condition     = contains(["none", "one", "per-zone"], var.nat)
    error_message = "The nat must be none, one or per-zone."
  }
}

variable "permissions_boundary_arn" {
  description = "ARN of a policy that the role of the flow logs can never go beyond; null: none."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags on every resource."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "tiers" {
  description = "Groups of subnets, one subnet per zone each: \"public\" (load balancers and NAT), \"private\" (out through NAT), \"isolated\" (no way out). Tags go on the subnets."
  type = map(object({
    cidr = string
    kind = string
    tags = optional(map(string), {})
  }))
  default = {
    public  = { cidr = "10.20.0.0/20", kind = "public" }
    private = { cidr = "10.20.64.0/18", kind = "private" }
  }
  nullable = false

  validation {
    condition     = length(var.tiers) > 0 && alltrue([for tier in values(var.tiers) : contains(["public", "private", "isolated"], tier.kind)])
    error_message = "There must be tiers, and each kind must be public, private or isolated."
  }

  validation {
    condition     = alltrue([for tier in values(var.tiers) : can(cidrnetmask(tier.cidr))])
    error_message = "Each cidr of tiers must be an IPv4 range."
  }

  validation {
    condition     = alltrue([for name in keys(var.tiers) : can(regex("^[a-z][a-z0-9]{0,19}$", name))])
    error_message = "The names of tiers must start with a lower-case letter and hold at most 20 lower-case letters and digits."
  }
}

variable "zones" {
  description = "Availability zones, such as [\"eu-central-1a\", \"eu-central-1b\"]. Add at the end only: the order decides the ranges."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.zones) >= 1 && length(var.zones) <= 6 && length(distinct(var.zones)) == length(var.zones)
    error_message = "There must be one to six zones, each once."
  }

  validation {
    condition     = alltrue([for zone in var.zones : can(regex("^[a-z]{2}(-[a-z]+)+-[0-9][a-z]$", zone))])
    error_message = "Each of zones must look like eu-central-1a."
  }
}
