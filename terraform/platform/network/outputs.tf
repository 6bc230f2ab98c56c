output "security_group_ids" {
  description = "The security groups by role."
  value = {
    database       = module.database.id
    load_balancers = module.load_balancers.id
    machines       = module.machines.id
    nodes          = module.nodes.id
  }
}

output "subnet_ids" {
  description = "Subnets by tier: orchestrator, workload, public, data."
  value       = module.network.subnet_ids
}

output "nat_addresses" {
  description = "Public addresses from which the installation is seen, by zone."
  value       = module.network.nat_addresses
}

output "vpc_id" {
  description = "The VPC."
  value       = module.network.vpc_id
}
