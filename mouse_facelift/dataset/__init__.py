"""Room 3: posed views become a sample table, split by blocks of time."""
