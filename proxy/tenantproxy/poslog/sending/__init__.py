"""How ExternalEvents delivers PosLogs, to try a receiver with: events, attempts, authorization, samples."""
