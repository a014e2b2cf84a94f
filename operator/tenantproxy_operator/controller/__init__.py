"""The running operator: from an event to applied children and a status."""
