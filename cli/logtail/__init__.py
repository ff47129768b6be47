"""`logs`: finding and following the log."""
