output "connect_policy" {
  description = "IAM policy (JSON) that lets its holder sign in to this machine by EC2 Instance Connect."
  value       = data.aws_iam_policy_document.connect.json
}

output "hosts" {
  description = "The machine, as a list of one: its private address and whom one logs in as. Its host keys are not known before the first contact; keys are let in by EC2 Instance Connect."
  value = [{
    name      = var.name
    address   = aws_instance.this.private_ip
    port      = 22
    user      = var.image.user
    host_keys = []
    # Where the workers let their key in, for a minute at a time: region and instance.
    instance = "${split(":", aws_instance.this.arn)[3]}/${aws_instance.this.id}"
  }]
}

output "instance_id" {
  description = "Id of the instance."
  value       = aws_instance.this.id
}
