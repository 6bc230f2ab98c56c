variable "authorized_keys" {
  description = "Public SSH keys that may always sign in, as lines of an authorized_keys file. Empty: only short-lived keys, by EC2 Instance Connect."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for key in var.authorized_keys : can(regex("^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)|sk-[a-z0-9@.-]+) [A-Za-z0-9+/]+={0,3}( [^\\r\\n]*)?$", key))])
    error_message = "Each of authorized_keys must be one public key such as \"ssh-ed25519 AAAA… comment\": no options, no line break."
  }
}

variable "detailed_monitoring" {
  description = "Whether CloudWatch gets figures every minute instead of every five; costs extra."
  type        = bool
  default     = true
  nullable    = false
}

variable "disk" {
  description = "The root disk, gp3 and always encrypted; kms_key_arn null: the account's default key."
  type = object({
    size_gb     = optional(number, 20)
    iops        = optional(number, 3000)
    throughput  = optional(number, 125)
    kms_key_arn = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.disk.size_gb >= 8 && var.disk.size_gb <= 16384
    error_message = "The disk.size_gb must lie between 8 and 16384."
  }

  validation {
    condition     = var.disk.iops >= 3000 && var.disk.iops <= 16000 && var.disk.throughput >= 125 && var.disk.throughput <= 1000
    error_message = "The disk.iops must lie between 3000 and 16000, the disk.throughput between 125 and 1000."
  }
}

variable "image" {
  description = "The machine image: the newest of this owner whose name fits at the time of creation, and the user that it lets in. It must bring EC2 Instance Connect, as Ubuntu and Amazon Linux do."
  type = object({
    owner = string
    name  = string
    user  = string
  })
  default = {
    owner = "099720109477"
    name  = "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-*"
    user  = "ubuntu"
  }
  nullable = false

  validation {
    condition     = can(regex("^([0-9]{12}|amazon|self)$", var.image.owner))
    error_message = "The image.owner must be an account number, \"amazon\" or \"self\": an image found by its name alone could be anybody's."
  }

  validation {
    condition     = can(regex("^[a-z_][a-z0-9_-]{0,31}$", var.image.user)) && var.image.user != "root"
    error_message = "The image.user must be a user name other than root."
  }
}

variable "instance_profile" {
  description = "Name of the instance profile with what the machine itself may do in AWS; null: nothing."
  type        = string
  default     = null
}

variable "instance_type" {
  description = "The instance type; its processor must fit the image."
  type        = string
  default     = "t3.small"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*\\.[a-z0-9-]+$", var.instance_type))
    error_message = "The instance_type must look like t3.small."
  }
}

variable "name" {
  description = "The machine's name: its Name tag and host name."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,38}$", var.name))
    error_message = "The name must start with a lower-case letter and hold at most 39 lower-case letters, digits and hyphens."
  }
}

variable "security_group_ids" {
  description = "Security groups of the machine; one of them must let SSH in from the workers."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.security_group_ids) > 0 && alltrue([for id in var.security_group_ids : can(regex("^sg-[0-9a-f]{8,17}$", id))])
    error_message = "There must be at least one of security_group_ids, each like sg-0123456789abcdef0."
  }
}

variable "subnet_id" {
  description = "The private subnet that the machine is in. It gets no public address."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^subnet-[0-9a-f]{8,17}$", var.subnet_id))
    error_message = "The subnet_id must look like subnet-0123456789abcdef0."
  }
}

variable "tags" {
  description = "Tags on every resource."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "termination_protection" {
  description = "Whether AWS refuses to end the machine until this is turned off. A destroy fails as long as it is on."
  type        = bool
  default     = false
  nullable    = false
}
