"""`testio-sync export`: tables of one moment as CSV or Parquet."""
