"""The pages of docs/guide, carried out word for word."""
