"""Runs, curves and codes, for pandas and for TensorBoard."""
