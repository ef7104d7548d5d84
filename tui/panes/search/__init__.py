"""Search: what a search found and what mattered."""
