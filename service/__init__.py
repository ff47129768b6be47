"""Puts it together: the daemon, the one entry for every sync, and what the control socket does."""
