"""Which figures there are, which runs are in them, and what is drawn."""
