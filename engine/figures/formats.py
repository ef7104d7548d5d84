"""What figures are written as; apart from matplotlib, so that a wrong one is told at once."""

FORMATS = ("png", "pdf", "svg")
