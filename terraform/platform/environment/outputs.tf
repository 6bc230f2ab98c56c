output "cloud" {
  description = "The key cloud of environments/<environment>.yaml."
  value = {
    type           = "aws"
    account        = local.account
    region         = data.aws_region.this.region
    plan_role_arn  = module.plan_role.arn
    apply_role_arn = module.apply_role.arn
    external_id    = local.trust.external_id
  }
}

output "role_arns" {
  description = "The two roles."
  value       = { plan = module.plan_role.arn, apply = module.apply_role.arn }
}
