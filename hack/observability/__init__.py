"""The Grafana dashboard: its panels, a module per row."""
