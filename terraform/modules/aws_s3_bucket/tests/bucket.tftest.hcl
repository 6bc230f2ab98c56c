mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

variables {
  name = "example-test-archive"
}

run "is_closed_encrypted_and_versioned" {
  command = plan

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this.block_public_acls,
      aws_s3_bucket_public_access_block.this.block_public_policy,
      aws_s3_bucket_public_access_block.this.ignore_public_acls,
      aws_s3_bucket_public_access_block.this.restrict_public_buckets,
    ])
    error_message = "Nothing may be public."
  }

  assert {
    condition     = one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default[0].sse_algorithm == "aws:kms"
    error_message = "Objects must be encrypted with KMS."
  }

  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled"
    error_message = "Versions must be kept."
  }

  assert {
    condition     = !aws_s3_bucket.this.force_destroy && length(aws_s3_bucket_object_lock_configuration.this) == 0
    error_message = "A destroy must not remove what is in it, and there is no lock unless asked for."
  }
}

run "talks_tls_only" {
  command = plan

  assert {
    condition = (
      data.aws_iam_policy_document.this.statement[0].effect == "Deny"
      && one(data.aws_iam_policy_document.this.statement[0].condition).variable == "aws:SecureTransport"
      && toset(one(data.aws_iam_policy_document.this.statement[0].condition).values) == toset(["false"])
    )
    error_message = "The bucket policy must refuse whatever does not come over TLS."
  }
}

run "locks_objects" {
  command = plan
  variables {
    object_lock = { mode = "COMPLIANCE", days = 365 }
  }

  assert {
    condition     = aws_s3_bucket.this.object_lock_enabled && aws_s3_bucket_object_lock_configuration.this[0].rule[0].default_retention[0].mode == "COMPLIANCE"
    error_message = "The lock must be in the bucket and have its mode."
  }
}

run "a_lock_without_days_is_set_object_by_object" {
  command = plan
  variables {
    object_lock = {}
  }

  assert {
    condition     = aws_s3_bucket.this.object_lock_enabled && length(aws_s3_bucket_object_lock_configuration.this) == 0
    error_message = "The bucket must be able to lock, and lock nothing by itself."
  }
}

run "refuses_a_lock_without_its_days" {
  command = plan
  variables {
    object_lock = { mode = "COMPLIANCE" }
  }
  expect_failures = [var.object_lock]
}

run "moves_and_expires" {
  command = plan
  variables {
    lifecycle_days = { cheaper_after = 60, expire_after = 400 }
  }

  assert {
    condition     = [for rule in aws_s3_bucket_lifecycle_configuration.this.rule : rule.id] == ["tidy", "cheaper", "expire"]
    error_message = "There must be a rule for each."
  }
}

run "refuses_to_expire_before_it_moves" {
  command = plan
  variables {
    lifecycle_days = { cheaper_after = 60, expire_after = 30 }
  }
  expect_failures = [var.lifecycle_days]
}

run "refuses_an_unknown_lock" {
  command = plan
  variables {
    object_lock = { mode = "SOFT", days = 1 }
  }
  expect_failures = [var.object_lock]
}

run "refuses_a_policy_that_is_none" {
  command = plan
  variables {
    policy = "allow all"
  }
  expect_failures = [var.policy]
}

run "refuses_a_name_that_s3_refuses" {
  command = plan
  variables {
    name = "Example_Bucket"
  }
  expect_failures = [var.name]
}
