"""Encoder and decoder of a run, for programs that know nothing of aetui."""
