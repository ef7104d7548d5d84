"""What leaves aetui: figures, tables, data, models."""
