"""What torch computes slowly on a CPU, in C: compiled by the system's own compiler in each process that trains.

Where there is none, torch's layers do the same (`engine.models.layers`), a quarter slower.
"""
