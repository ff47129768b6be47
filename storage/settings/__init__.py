"""What the program keeps for itself, as rows of the table `settings`."""
