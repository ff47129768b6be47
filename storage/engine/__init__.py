"""The database file: where it may be, its lock, its connections, its soundness and its copies."""
