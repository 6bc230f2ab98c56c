resource "aws_cloudfront_origin_access_control" "this" {
  name                              = var.bucket_name
  description                       = "Signs what CloudFront asks of the bucket"
  origin_access_control_origin_type = "s3"
  signing_behavior                  = "always"
  signing_protocol                  = "sigv4"
}

resource "aws_cloudfront_response_headers_policy" "this" {
  # checkov:skip=CKV_AWS_259:The header is set for a year with subdomains; preload is a promise for the whole domain, which is not this module's to make
  name = var.bucket_name

  security_headers_config {
    content_security_policy {
      content_security_policy = var.content_security_policy
      override                = true
    }

    content_type_options {
      override = true
    }

    frame_options {
      frame_option = "DENY"
      override     = true
    }

    referrer_policy {
      referrer_policy = "strict-origin-when-cross-origin"
      override        = true
    }

    strict_transport_security {
      access_control_max_age_sec = 31536000
      include_subdomains         = true
      override                   = true
    }
  }
}

data "aws_cloudfront_cache_policy" "this" {
  name = "Managed-CachingOptimized"
}

resource "aws_cloudfront_distribution" "this" {
  # checkov:skip=CKV_AWS_310:One bucket is the only origin
  # checkov:skip=CKV_AWS_374:A public site is for everybody
  # checkov:skip=CKV2_AWS_47:Static files: nothing here logs with Log4j, and a firewall is an input
  comment             = var.description
  enabled             = true
  is_ipv6_enabled     = true
  http_version        = "http2and3"
  price_class         = var.price_class
  aliases             = var.domain == null ? [] : var.domain.names
  default_root_object = "index.html"
  web_acl_id          = var.web_acl_arn
  tags                = var.tags

  origin {
    origin_id                = "bucket"
    domain_name              = aws_s3_bucket.this.bucket_regional_domain_name
    origin_access_control_id = aws_cloudfront_origin_access_control.this.id
  }

  default_cache_behavior {
    target_origin_id           = "bucket"
    viewer_protocol_policy     = "redirect-to-https"
    allowed_methods            = ["GET", "HEAD"]
    cached_methods             = ["GET", "HEAD"]
    compress                   = true
    cache_policy_id            = data.aws_cloudfront_cache_policy.this.id
    response_headers_policy_id = aws_cloudfront_response_headers_policy.this.id
  }

  # S3 answers 403 for what is not there, since nobody may list the bucket.
  custom_error_response {
    error_code            = 403
    response_code         = 404
    response_page_path    = "/${var.error_page}"
    error_caching_min_ttl = 10
  }

  restrictions {
    geo_restriction {
      restriction_type = length(var.countries) > 0 ? "whitelist" : "none"
      locations        = var.countries
    }
  }

  viewer_certificate {
    cloudfront_default_certificate = var.domain == null
    acm_certificate_arn            = var.domain == null ? null : var.domain.certificate_arn
    ssl_support_method             = var.domain == null ? null : "sni-only"
    minimum_protocol_version       = var.domain == null ? "TLSv1" : "TLSv1.2_2021"
  }

  dynamic "logging_config" {
    for_each = var.log_bucket_domain == null ? [] : [var.log_bucket_domain]

    content {
      bucket = logging_config.value
      prefix = "${var.bucket_name}/"
    }
  }
}
