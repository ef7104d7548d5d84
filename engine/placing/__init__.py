"""Workers on other machines: placed as Ray actors or as Slurm jobs, each a slot that one worker after another fills.

No torch, and neither Ray nor submitit before one of them is asked for.
"""
