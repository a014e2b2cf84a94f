"""What watches have told of the cluster, kept in memory."""
