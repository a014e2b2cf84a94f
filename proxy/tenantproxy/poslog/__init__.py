"""Store events (PosLogs), as Hii Retail's ExternalEvents delivers them to webhooks."""
