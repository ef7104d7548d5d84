"""What is remembered: experiments, runs, leases, metrics and artifacts.

Imports neither ``engine`` nor ``tui``, and neither torch nor textual. Only ``store.studies`` imports Optuna.
"""
