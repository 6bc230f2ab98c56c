output "endpoint" {
  description = "Address of the cluster's API."
  value       = aws_eks_cluster.this.endpoint
}

output "name" {
  description = "Name of the cluster."
  value       = aws_eks_cluster.this.name
}

output "security_group_id" {
  description = "The group that EKS made for nodes and control plane."
  value       = aws_eks_cluster.this.vpc_config[0].cluster_security_group_id
}
