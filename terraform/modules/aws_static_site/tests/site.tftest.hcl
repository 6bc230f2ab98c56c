mock_provider "aws" {
  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::example-site", bucket_regional_domain_name = "example-site.s3.eu-central-1.amazonaws.com" }
  }
  mock_resource "aws_cloudfront_distribution" {
    defaults = { arn = "arn:aws:cloudfront::123456789012:distribution/EDFDVBD6EXAMPLE", domain_name = "d111111abcdef8.cloudfront.net" }
  }
}

variables {
  bucket_name = "example-site"
}

run "only_cloudfront_reads_the_bucket" {
  assert {
    condition = [for s in jsondecode(aws_s3_bucket_policy.this.policy).Statement : s if s.Effect == "Allow"] == [{
      Sid       = "CloudFrontReads"
      Effect    = "Allow"
      Action    = "s3:GetObject"
      Resource  = "arn:aws:s3:::example-site/*"
      Principal = { Service = "cloudfront.amazonaws.com" }
      Condition = { StringEquals = { "AWS:SourceArn" = "arn:aws:cloudfront::123456789012:distribution/EDFDVBD6EXAMPLE" } }
    }]
    error_message = "Nobody but this distribution may read, and it may only read."
  }

  assert {
    condition     = output.url == "https://d111111abcdef8.cloudfront.net"
    error_message = "Without a domain the site is at CloudFront's own name."
  }
}

run "visitors_get_https_and_safe_headers" {
  command = plan

  assert {
    condition     = aws_cloudfront_distribution.this.default_cache_behavior[0].viewer_protocol_policy == "redirect-to-https"
    error_message = "HTTP must lead to HTTPS."
  }

  assert {
    condition     = aws_cloudfront_response_headers_policy.this.security_headers_config[0].strict_transport_security[0].access_control_max_age_sec >= 31536000
    error_message = "Browsers must be told to stay with HTTPS for a year."
  }
}

run "an_own_domain_needs_modern_tls" {
  command = plan
  variables {
    domain = {
      names           = ["manuals.example.com"]
      certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
    }
  }

  assert {
    condition     = aws_cloudfront_distribution.this.viewer_certificate[0].minimum_protocol_version == "TLSv1.2_2021"
    error_message = "Only TLS 1.2 and newer."
  }
}

run "refuses_a_certificate_from_elsewhere" {
  command = plan
  variables {
    domain = { names = ["manuals.example.com"], certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/1" }
  }
  expect_failures = [var.domain]
}

run "refuses_a_header_of_two_lines" {
  command = plan
  variables {
    content_security_policy = "default-src 'self'\nSet-Cookie: a=b"
  }
  expect_failures = [var.content_security_policy]
}

run "refuses_what_is_no_country" {
  command = plan
  variables {
    countries = ["Germany"]
  }
  expect_failures = [var.countries]
}

run "refuses_an_unknown_price_class" {
  command = plan
  variables {
    price_class = "cheap"
  }
  expect_failures = [var.price_class]
}
