"""Settings and logging: what is configured, declared once each."""
