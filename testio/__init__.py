"""The remote: version 2 of the Test IO Customer API, read only."""
