variable "authorized_key" {
  description = "Your public SSH key."
  type        = string
}

variable "image" {
  description = "A tar archive with a Debian root; see the module's README."
  type        = string
  default     = null
}

module "machine" {
  source = "../.."

  name           = "example"
  authorized_key = var.authorized_key
  image          = var.image
}

output "machine" {
  description = "The machine."
  value       = module.machine
}
