"""Looking an installation or a mirror over: check, verify, dry runs, rebuild."""
