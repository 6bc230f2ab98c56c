variable "path" {
  description = "Absolute path of the file."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^/[a-z0-9./_-]+$", var.path))
    error_message = "The path must be absolute, in lower-case letters, digits and ./_-."
  }
}

variable "text" {
  description = "What the file says."
  type        = string
  default     = "Written by Sluis."
  nullable    = false
}
