"""Which schema this program knows; apart, so that a reader need not load what migrates."""

REVISION = "0007"
"""The newest step; a test holds it against the files in `migrations/versions`."""
