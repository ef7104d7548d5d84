"""Families of commands: what each is called and takes. As light as ``tui.cli``, which adds them."""
