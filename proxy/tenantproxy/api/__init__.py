"""The API port: its routes and what each does."""
