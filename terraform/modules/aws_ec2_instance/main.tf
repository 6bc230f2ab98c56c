data "aws_ami" "this" {
  most_recent = true
  owners      = [var.image.owner]

  filter {
    name   = "name"
    values = [var.image.name]
  }

  filter {
    name   = "state"
    values = ["available"]
  }
}

resource "aws_instance" "this" {
  ami                         = data.aws_ami.this.id
  instance_type               = var.instance_type
  subnet_id                   = var.subnet_id
  vpc_security_group_ids      = var.security_group_ids
  iam_instance_profile        = var.instance_profile
  associate_public_ip_address = false
  ebs_optimized               = true
  monitoring                  = var.detailed_monitoring
  disable_api_termination     = var.termination_protection
  user_data_replace_on_change = true

  # Only what must be there before the first sign-in; everything else is a role's work.
  user_data = join("\n", ["#cloud-config", yamlencode({
    hostname            = var.name
    preserve_hostname   = true
    ssh_authorized_keys = var.authorized_keys
    ssh_pwauth          = false
  })])

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
    instance_metadata_tags      = "enabled"
  }

  root_block_device {
    encrypted   = true
    kms_key_id  = var.disk.kms_key_arn
    volume_size = var.disk.size_gb
    volume_type = "gp3"
    throughput  = var.disk.throughput
    iops        = var.disk.iops
    tags        = merge(var.tags, { Name = var.name })
  }

  tags = merge(var.tags, { Name = var.name })

  lifecycle {
    # A newer image is no reason to throw a machine away: replace it by a change of its own.
    ignore_changes = [ami]
  }
}

# Who may sign in with a key that EC2 Instance Connect takes for 60 seconds: as this user, on this machine only.
data "aws_iam_policy_document" "connect" {
  statement {
    actions   = ["ec2-instance-connect:SendSSHPublicKey"]
    resources = [aws_instance.this.arn]

    condition {
      test     = "StringEquals"
      variable = "ec2:osuser"
      values   = [var.image.user]
    }
  }
}
