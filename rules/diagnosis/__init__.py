"""What is wrong, since when, how grave it is, and what to do."""
