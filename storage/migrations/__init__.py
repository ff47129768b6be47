"""Forward-only steps from one schema to the next; run by `storage.engine.migrate`."""
