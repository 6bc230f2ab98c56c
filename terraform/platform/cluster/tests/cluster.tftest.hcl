mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
}

variables {
  name                     = "sluis"
  kubernetes_version       = "1.34"
  addon_versions           = {}
  subnet_ids               = ["subnet-0a1b2c3d4e5f60718", "subnet-0a1b2c3d4e5f60719", "subnet-0a1b2c3d4e5f6071a"]
  node_security_group_id   = "sg-0a1b2c3d4e5f60718"
  node_groups              = { general = { instance_type = "t3.xlarge", min = 2, max = 3, disk_gb = 50 } }
  api_cidrs                = []
  namespaces               = ["sluis", "camunda"]
  pod_identities           = { worker = { namespace = "sluis", service_account = "sluis", role_arn = "arn:aws:iam::123456789012:role/sluis/sluis-worker" } }
  kms_key_arn              = "arn:aws:kms:eu-central-1:123456789012:key/0a1b2c3d-0000-0000-0000-000000000000"
  log_kms_key_arn          = "arn:aws:kms:eu-central-1:123456789012:key/0a1b2c3d-0000-0000-0000-000000000000"
  log_retention_days       = 90
  deletion_protection      = true
  permissions_boundary_arn = "arn:aws:iam::123456789012:policy/boundary"
  role_path                = "/sluis/"
  tags                     = {}

  access = {
    admins    = ["arn:aws:iam::123456789012:role/platform-team"]
    viewers   = ["arn:aws:iam::123456789012:role/support"]
    deployers = { deliver-production = "arn:aws:iam::123456789012:role/sluis/sluis-deliver-production" }
  }
}

run "is_reached_from_the_network_only" {
  command = plan

  assert {
    condition     = aws_eks_cluster.this.vpc_config[0].endpoint_private_access && !aws_eks_cluster.this.vpc_config[0].endpoint_public_access
    error_message = "Without api_cidrs the API must not be on the internet."
  }
}

run "opens_the_api_to_named_ranges_only" {
  command = plan
  variables {
    api_cidrs = ["203.0.113.0/24"]
  }

  assert {
    condition     = aws_eks_cluster.this.vpc_config[0].endpoint_public_access && aws_eks_cluster.this.vpc_config[0].public_access_cidrs == toset(["203.0.113.0/24"])
    error_message = "The API must be open to the named ranges, and to them only."
  }
}

run "encrypts_secrets_and_writes_all_logs" {
  command = plan

  assert {
    condition     = aws_eks_cluster.this.encryption_config[0].resources == toset(["secrets"]) && aws_eks_cluster.this.encryption_config[0].provider[0].key_arn == var.kms_key_arn
    error_message = "Secrets must be encrypted with the platform's key."
  }

  assert {
    condition     = length(aws_eks_cluster.this.enabled_cluster_log_types) == 5
    error_message = "All five logs of the control plane must be written."
  }
}

run "only_named_roles_are_somebody" {
  command = plan

  assert {
    condition     = aws_eks_cluster.this.access_config[0].authentication_mode == "API" && !aws_eks_cluster.this.access_config[0].bootstrap_cluster_creator_admin_permissions
    error_message = "Whoever makes the cluster must be nobody in it."
  }

  assert {
    condition     = aws_eks_access_policy_association.this["deliver-production"].access_scope[0].type == "namespace" && aws_eks_access_policy_association.this["deliver-production"].access_scope[0].namespaces == toset(["sluis", "camunda"])
    error_message = "The pipeline may change the two namespaces, and nothing else."
  }
}

run "nodes_are_closed" {
  command = plan

  assert {
    condition     = alltrue([for t in aws_launch_template.this : t.metadata_options[0].http_tokens == "required" && t.metadata_options[0].http_put_response_hop_limit == 1])
    error_message = "Pods must not reach the metadata service."
  }

  assert {
    condition     = alltrue([for t in aws_launch_template.this : t.block_device_mappings[0].ebs[0].encrypted == "true"])
    error_message = "Disks of nodes must be encrypted."
  }
}

run "network_policies_are_enforced" {
  command = plan

  assert {
    condition     = jsondecode(aws_eks_addon.before_nodes["vpc-cni"].configuration_values).enableNetworkPolicy == "true"
    error_message = "NetworkPolicies of the charts must have an effect."
  }
}

run "nodes_carry_no_rights_of_pods" {
  command = plan

  assert {
    condition     = length(aws_eks_addon.before_nodes["vpc-cni"].pod_identity_association) == 1 && length(aws_eks_addon.after_nodes["aws-ebs-csi-driver"].pod_identity_association) == 1
    error_message = "Add-ons that need rights in AWS must have roles of their own, not the node's."
  }
}
