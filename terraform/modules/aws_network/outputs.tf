output "cidr" {
  description = "The network's range."
  value       = aws_vpc.this.cidr_block
}

output "nat_addresses" {
  description = "Public addresses from which private subnets are seen, by zone."
  value       = { for zone, eip in aws_eip.nat : zone => eip.public_ip }
}

output "subnet_ids" {
  description = "Ids of the subnets by tier, in the order of the zones."
  value       = { for tier in keys(var.tiers) : tier => [for zone in var.zones : aws_subnet.this["${tier}-${zone}"].id] }
}

output "vpc_id" {
  description = "Id of the VPC."
  value       = aws_vpc.this.id
}
