"""Reading a list of tests that moves while it is read: the heart of a sync."""
