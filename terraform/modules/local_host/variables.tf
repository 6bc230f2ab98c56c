variable "authorized_key" {
  description = "The public SSH key, as one line of an authorized_keys file, that may log in."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)|sk-[a-z0-9@.-]+) [A-Za-z0-9+/]+={0,3}( [^\\r\\n]*)?$", var.authorized_key))
    error_message = "The authorized_key must be one public key such as \"ssh-ed25519 AAAA… comment\": no options, no line break."
  }
}

variable "data_folder" {
  description = "The absolute folder below which the machines' files are kept. By default the environment variable SLUIS_HOSTS_FOLDER, else ~/.local/share/sluis/hosts."
  type        = string
  default     = null

  validation {
    condition     = var.data_folder == null || can(regex("^/[^\\x00-\\x1f]+$", var.data_folder))
    error_message = "The data_folder must be an absolute path."
  }
}

variable "hostname" {
  description = "The name that the machine itself knows; by default its name. Only for one machine; the user-level kind has the host's."
  type        = string
  default     = null

  validation {
    condition     = var.hostname == null || can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.hostname))
    error_message = "The hostname must be one label of at most 63 lower-case letters, digits and inner hyphens."
  }
}

variable "image" {
  description = "The absolute path of a tar archive with a Debian root at its top level (openssh-server and python3 in it). By default the environment variable SLUIS_HOST_IMAGE."
  type        = string
  default     = null

  validation {
    condition     = var.image == null || can(regex("^/[^\\x00-\\x1f]+$", var.image))
    error_message = "The image must be an absolute path."
  }
}

variable "kind" {
  description = "What to make: \"namespaces\" (a Debian root in namespaces of its own; Linux, root and an image needed), \"user_sshd\" (an sshd of the present user, on 127.0.0.1), or \"auto\": the former where it can be had, else the latter."
  type        = string
  default     = "auto"
  nullable    = false

  validation {
    condition     = contains(["auto", "namespaces", "user_sshd"], var.kind)
    error_message = "The kind must be \"auto\", \"namespaces\" or \"user_sshd\"."
  }
}

variable "machines" {
  description = "How many machines; more than one are named <name>-1, <name>-2 and so on."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.machines >= 1 && var.machines <= 20 && floor(var.machines) == var.machines
    error_message = "The machines must be a whole number from 1 to 20."
  }
}

variable "name" {
  description = "The machine's name, unique within its data folder."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,38}$", var.name))
    error_message = "The name must start with a lower-case letter and hold at most 39 lower-case letters, digits and hyphens."
  }
}

variable "subnet" {
  description = "The private IPv4 range from which each machine gets a /30 of its own."
  type        = string
  default     = "10.203.0.0/16"
  nullable    = false

  validation {
    condition     = can(cidrnetmask(var.subnet)) && can(regex("^(10\\.|172\\.(1[6-9]|2[0-9]|3[01])\\.|192\\.168\\.)[0-9.]+/(1[0-9]|2[0-9])$", var.subnet))
    error_message = "The subnet must be a private IPv4 range between /10 and /29, such as 10.203.0.0/16."
  }
}
