"""What the two tables show: filter, order, groups, columns. Pure functions."""
