# Who may talk to whom, by role. The cluster's own group, which EKS makes, carries what nodes and control plane say to
# each other; these groups carry everything else.

module "load_balancers" {
  source = "../../modules/aws_security_group"

  name        = "${var.name}-load-balancers"
  description = "The way in for people: HTTPS to the load balancers"
  vpc_id      = module.network.vpc_id
  tags        = var.tags

  ingress = {
    for index, cidr in var.people_cidrs : "people-${index}" => {
      description = "HTTPS from people"
      from_port   = 443
      cidr_ipv4   = cidr
    }
  }

  egress = {
    pods = {
      description = "To the pods' ports"
      from_port   = 8080
      to_port     = 8090
      cidr_ipv4   = cidrsubnet(var.cidr, 2, 0)
    }
  }
}

module "nodes" {
  source = "../../modules/aws_security_group"

  name        = "${var.name}-nodes"
  description = "Nodes of the cluster, on which Camunda and the workers run"
  vpc_id      = module.network.vpc_id
  tags        = var.tags

  ingress = {
    load-balancers = {
      description       = "From the load balancers to the pods' ports"
      from_port         = 8080
      to_port           = 8090
      security_group_id = module.load_balancers.id
    }
  }

  egress = merge(
    {
      https = {
        description = "AWS, registries, the identity provider, Slack"
        from_port   = 443
        cidr_ipv4   = "0.0.0.0/0"
      }
      machines = {
        description = "SSH to the machines that processes make"
        from_port   = 22
        cidr_ipv4   = cidrsubnet(var.cidr, 2, 1)
      }
      database = {
        description = "PostgreSQL"
        from_port   = 5432
        cidr_ipv4   = cidrsubnet(var.cidr, 4, 9)
      }
    },
    {
      for cidr in var.host_cidrs : "hosts-${replace(cidr, "/", "-")}" => {
        description = "SSH to hosts that stand elsewhere, such as a data centre"
        from_port   = 22
        cidr_ipv4   = cidr
      }
    },
  )
}

module "machines" {
  source = "../../modules/aws_security_group"

  name        = "${var.name}-machines"
  description = "Machines that processes make: SSH from the workers only"
  vpc_id      = module.network.vpc_id
  tags        = var.tags

  ingress = {
    workers = {
      description       = "SSH from the workers"
      from_port         = 22
      security_group_id = module.nodes.id
    }
  }

  egress = {
    https = { description = "Packages and AWS", from_port = 443, cidr_ipv4 = "0.0.0.0/0" }
    http  = { description = "Packages, which are signed", from_port = 80, cidr_ipv4 = "0.0.0.0/0" }
  }
}

module "database" {
  source = "../../modules/aws_security_group"

  name        = "${var.name}-database"
  description = "The database of Camunda: PostgreSQL from the nodes only"
  vpc_id      = module.network.vpc_id
  tags        = var.tags

  ingress = {
    nodes = {
      description       = "PostgreSQL from the nodes"
      from_port         = 5432
      security_group_id = module.nodes.id
    }
  }
}
