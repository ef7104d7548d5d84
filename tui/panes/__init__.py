"""The panes of a run, a folder each: ``pane.py`` is its widget, the rest what it shows, mostly without Textual."""

PANES = ("loss", "latent", "images", "search", "numbers", "log")
