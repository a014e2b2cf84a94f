"""Store events (PosLogs), as ExternalEvents delivers them to webhooks: read, filtered, told. Without I/O."""
