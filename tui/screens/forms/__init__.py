"""Forms: one file a form, on the base in ``form``."""
