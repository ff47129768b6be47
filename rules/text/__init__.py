"""How lengths of time, instants, counts and near misses are written for people."""
