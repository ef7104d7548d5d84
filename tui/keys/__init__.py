"""Keys beyond `tui.bindings`: the user's own, what they would do just now, why one does nothing."""
