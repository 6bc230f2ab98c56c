variable "cidr" {
  description = "The network's private IPv4 range, a /16."
  type        = string
  nullable    = false

  validation {
    condition     = can(cidrnetmask(var.cidr)) && endswith(var.cidr, "/16")
    error_message = "The cidr must be a /16, such as 10.30.0.0/16: the tiers are cut from it."
  }
}

variable "host_cidrs" {
  description = "Ranges of hosts that no process made and that are configured over SSH, such as a data centre; the route there is yours to make."
  type        = list(string)
  nullable    = false
}

variable "interface_endpoints" {
  description = "AWS services that are reached without leaving the network, each by the hour and zone."
  type        = set(string)
  nullable    = false
}

variable "log_kms_key_arn" {
  description = "KMS key of the flow logs."
  type        = string
  nullable    = false
}

variable "log_retention_days" {
  description = "Days that the record of connections is kept."
  type        = number
  nullable    = false
}

variable "name" {
  description = "Name of the installation."
  type        = string
  nullable    = false
}

variable "nat" {
  description = "\"one\" NAT gateway for all zones, or one \"per-zone\"."
  type        = string
  nullable    = false
}

variable "people_cidrs" {
  description = "From where people reach the load balancers."
  type        = list(string)
  nullable    = false
}

variable "permissions_boundary_arn" {
  description = "Policy that no role made here can go beyond."
  type        = string
  nullable    = false
}

variable "tags" {
  description = "Tags on every resource."
  type        = map(string)
  nullable    = false
}

variable "zones" {
  description = "Availability zones."
  type        = list(string)
  nullable    = false
}
