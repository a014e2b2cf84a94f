"""Where the fields of an outward document come from: for people who write a mapping, never while serving."""
