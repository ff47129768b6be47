"""What is printed: tables, progress, the status."""
