output "bucket" {
  description = "Name of the bucket to put the files into."
  value       = aws_s3_bucket.this.id
}

output "distribution_id" {
  description = "Id of the distribution, to invalidate its cache after a release."
  value       = aws_cloudfront_distribution.this.id
}

output "url" {
  description = "Where the site is."
  value       = "https://${var.domain == null ? aws_cloudfront_distribution.this.domain_name : var.domain.names[0]}"
}
