"""What a sync must do, decided purely: no thread, clock, network or database in here."""
