"""Figures for a paper, by matplotlib, and the numbers behind each. Imports no torch, needs no display."""
