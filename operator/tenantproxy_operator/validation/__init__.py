"""What is checked of manifests and Secrets beyond the schema. Pure."""
