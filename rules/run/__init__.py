"""One run: when it begins, what waits, in which order, and what it comes to."""
