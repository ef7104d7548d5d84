"""Data sets: read, split and held as one uint8 tensor."""
