resource "local_file" "note" {
  filename        = var.path
  content         = "${var.text}\n"
  file_permission = "0644"
}
