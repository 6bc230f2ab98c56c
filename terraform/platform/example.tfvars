# A platform with everything that can be asked for. The inventory and the cost table of the documentation are made from
# the plan of these values, once for each size.
account        = "123456789012"
region         = "eu-central-1"
cluster_admins = ["arn:aws:iam::123456789012:role/platform-team"]
people_cidrs   = ["203.0.113.0/24"]
host_cidrs     = ["192.0.2.0/24"]
alert_emails   = ["platform@example.com"]
budget_usd     = 1000

environments = {
  example-test = {
    modules = ["aws_ec2_instance", "aws_log_group", "aws_security_group"]
  }
}

github = {
  repository   = "example/sluis"
  environments = ["test", "production"]
}
