"""The daemon: its composition root, its requests, its signals and its ends."""
