"""Log: what the worker wrote."""
