"""What may be done with this machine's files and file systems."""
