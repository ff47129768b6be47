"""The control socket: HTTP and JSON over a Unix socket, and the types of both its ends."""
