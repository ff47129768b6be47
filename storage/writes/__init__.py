"""The write path: pages of rows, cursors, deletions, decisions and events."""
