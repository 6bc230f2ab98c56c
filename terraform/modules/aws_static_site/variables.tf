variable "bucket_name" {
  description = "Name of the bucket with the files, unique in all of AWS."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket_name))
    error_message = "The bucket_name must have 3 to 63 lower-case letters, digits and hyphens, and begin and end with a letter or digit."
  }
}

variable "content_security_policy" {
  description = "The header Content-Security-Policy of every page."
  type        = string
  default     = "default-src 'self'; object-src 'none'; frame-ancestors 'none'; base-uri 'self'"
  nullable    = false

  validation {
    condition     = can(regex("^[^\\r\\n]+$", var.content_security_policy))
    error_message = "The content_security_policy must be one line."
  }
}

variable "countries" {
  description = "Countries (two capital letters each) from which the site can be seen; empty: all."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for country in var.countries : can(regex("^[A-Z]{2}$", country))])
    error_message = "Each of countries must be two capital letters, such as DE."
  }
}

variable "description" {
  description = "What the site is, for people."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = length(var.description) <= 128
    error_message = "The description must have at most 128 characters."
  }
}

variable "domain" {
  description = "The site's own names, and the certificate for them (ACM, in us-east-1, as CloudFront asks for). Null: a name of CloudFront's."
  type = object({
    names           = list(string)
    certificate_arn = string
  })
  default = null

  validation {
    condition     = var.domain == null || try(length(var.domain.names) > 0, false)
    error_message = "The domain must have names."
  }

  validation {
    condition     = var.domain == null || try(can(regex("^arn:aws:acm:us-east-1:[0-9]{12}:certificate/.+$", var.domain.certificate_arn)), false)
    error_message = "The domain.certificate_arn must be that of an ACM certificate in us-east-1."
  }
}

variable "error_page" {
  description = "The file that is shown where there is none."
  type        = string
  default     = "404.html"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_-][A-Za-z0-9_./-]*$", var.error_page))
    error_message = "The error_page must be a path without a slash at its beginning."
  }
}

variable "force_destroy" {
  description = "Whether a destroy removes the bucket with all files. Otherwise it fails while there are any."
  type        = bool
  default     = false
  nullable    = false
}

variable "log_bucket_domain" {
  description = "Host name of a bucket that takes the access logs; null: none are written."
  type        = string
  default     = null
}

variable "price_class" {
  description = "From how much of the world it is served nearby: PriceClass_100 (Europe and North America), PriceClass_200 or PriceClass_All."
  type        = string
  default     = "PriceClass_100"
  nullable    = false

  validation {
    condition     = contains(["PriceClass_100", "PriceClass_200", "PriceClass_All"], var.price_class)
    error_message = "The price_class must be PriceClass_100, PriceClass_200 or PriceClass_All."
  }
}

variable "tags" {
  description = "Tags on every resource."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "web_acl_arn" {
  description = "ARN of a WAF web ACL (in us-east-1); null: none."
  type        = string
  default     = null
}
