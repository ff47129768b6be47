"""The mirror on disk: one SQLite database, one writing connection."""
