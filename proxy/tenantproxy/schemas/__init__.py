"""The OMS's own OpenAPI or JSON Schema file, and what a mapping's rules are by it. No part of serving."""
