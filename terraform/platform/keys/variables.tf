variable "deletion_window_days" {
  description = "Days in which the deletion of a key can still be taken back."
  type        = number
  nullable    = false
}

variable "name" {
  description = "Name of the installation."
  type        = string
  nullable    = false
}

variable "tags" {
  description = "Tags on every resource."
  type        = map(string)
  nullable    = false
}
