variable "description" {
  description = "What the group is for. A change of it makes a new group."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9 ._:/()#,@+=&;{}!$*-]{1,255}$", var.description))
    error_message = "The description must have 1 to 255 characters that AWS allows in it: letters, digits, spaces and ._-:/()#,@+=&;{}!$*."
  }
}

variable "egress" {
  description = "What may go out; empty: nothing, by a name of your choice. Each rule has exactly one other end: cidr_ipv4, prefix_list_id or security_group_id."
  type = map(object({
    description       = string
    from_port         = number
    to_port           = optional(number)
    protocol          = optional(string, "tcp")
    cidr_ipv4         = optional(string)
    prefix_list_id    = optional(string)
    security_group_id = optional(string)
  }))
  default  = {}
  nullable = false

  validation {
    condition = alltrue([
      for rule in values(var.egress) :
      length([for end in [rule.cidr_ipv4, rule.prefix_list_id, rule.security_group_id] : end if end != null]) == 1
    ])
    error_message = "Each rule must have exactly one of cidr_ipv4, prefix_list_id and security_group_id."
  }

  validation {
    condition     = alltrue([for rule in values(var.egress) : rule.cidr_ipv4 == null || can(cidrnetmask(rule.cidr_ipv4))])
    error_message = "A cidr_ipv4 must be an IPv4 range such as 10.0.0.0/16."
  }

  validation {
    condition     = alltrue([for rule in values(var.egress) : contains(["tcp", "udp", "icmp"], rule.protocol)])
    error_message = "A protocol must be tcp, udp or icmp."
  }

  validation {
    condition = alltrue([
      for rule in values(var.egress) : rule.from_port >= -1 && coalesce(rule.to_port, rule.from_port) <= 65535
    ])
    error_message = "Ports must lie between 0 and 65535 (-1 is for icmp)."
  }
}

variable "ingress" {
  description = "What may come in; empty: nothing, by a name of your choice. Each rule has exactly one other end: cidr_ipv4, prefix_list_id or security_group_id."
  type = map(object({
    description       = string
    from_port         = number
    to_port           = optional(number)
    protocol          = optional(string, "tcp")
    cidr_ipv4         = optional(string)
    prefix_list_id    = optional(string)
    security_group_id = optional(string)
  }))
  default  = {}
  nullable = false

  validation {
    condition = alltrue([
      for rule in values(var.ingress) :
      length([for end in [rule.cidr_ipv4, rule.prefix_list_id, rule.security_group_id] : end if end != null]) == 1
    ])
    error_message = "Each rule must have exactly one of cidr_ipv4, prefix_list_id and security_group_id."
  }

  validation {
    condition     = alltrue([for rule in values(var.ingress) : rule.cidr_ipv4 == null || can(cidrnetmask(rule.cidr_ipv4))])
    error_message = "A cidr_ipv4 must be an IPv4 range such as 10.0.0.0/16."
  }

  validation {
    condition     = alltrue([for rule in values(var.ingress) : contains(["tcp", "udp", "icmp"], rule.protocol)])
    error_message = "A protocol must be tcp, udp or icmp."
  }

  validation {
    condition = alltrue([
      for rule in values(var.ingress) : rule.from_port >= -1 && coalesce(rule.to_port, rule.from_port) <= 65535
    ])
    error_message = "Ports must lie between 0 and 65535 (-1 is for icmp)."
  }

  validation {
    condition = alltrue([
      for rule in values(var.ingress) :
      rule.cidr_ipv4 != "0.0.0.0/0" || (contains([80, 443], rule.from_port) && coalesce(rule.to_port, rule.from_port) == rule.from_port)
    ])
    error_message = "Only ports 80 and 443 may be open to 0.0.0.0/0."
  }
}

variable "name" {
  description = "The group's name, unique in its VPC."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,62}$", var.name)) && !startswith(var.name, "sg-")
    error_message = "The name must start with a lower-case letter, hold at most 63 lower-case letters, digits and hyphens, and not start with sg-."
  }
}

variable "tags" {
  description = "Tags on every resource."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "vpc_id" {
  description = "The VPC that the group belongs to."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^vpc-[0-9a-f]{8,17}$", var.vpc_id))
    error_message = "The vpc_id must look like vpc-0123456789abcdef0."
  }
}
