"""Everything that is read of the mirror, on read-only handles."""
