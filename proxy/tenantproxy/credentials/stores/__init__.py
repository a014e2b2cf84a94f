"""Where a credential is stored."""
