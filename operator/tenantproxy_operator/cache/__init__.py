"""The cluster's state as watches have reported it, kept in memory."""
