output "path" {
  description = "Path of the file that was written."
  value       = local_file.note.filename
}
