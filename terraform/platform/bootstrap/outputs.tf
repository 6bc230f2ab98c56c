output "backend" {
  description = "What `tofu init` of the platform is given, as -backend-config."
  value = {
    bucket     = module.bucket.name
    key        = "platform/${var.name}/terraform.tfstate"
    region     = var.region
    kms_key_id = aws_kms_key.this.arn
  }
}
