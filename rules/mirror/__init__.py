"""What a record is, when it has changed and when it is gone; what may be kept of it."""
