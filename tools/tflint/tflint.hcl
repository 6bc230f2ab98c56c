# The rules that TFLint brings for the Terraform language, all of them but those named here.
plugin "terraform" {
  enabled = true
  preset  = "all"
}

# Modules are split by topic where that reads better than one main.tf.
rule "terraform_standard_module_structure" {
  enabled = false
}
