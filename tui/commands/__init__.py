"""What each command of ``aetui`` does. One file a command or family; ``tui.cli`` and, for families, ``declared``
say how they are called.

A module here may import Optuna and SQLAlchemy (through ``store``) at its top: it is itself imported only when its
command runs.
"""
