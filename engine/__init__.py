"""What computes: configuration, worker processes, training, analysis.

Files directly in this folder are free of torch; the sub-folders may import it. Imports ``store``, never ``tui``.
"""
