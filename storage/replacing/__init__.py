"""Putting a whole mirror in the place of another: a fresh start, a rebuild."""
