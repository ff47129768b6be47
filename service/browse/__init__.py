"""`testio-sync browse`: Datasette on the mirror, read-only, behind a link that works once."""
