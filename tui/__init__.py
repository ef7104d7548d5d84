"""What people see and type: the Textual screen and the Typer command line. Never imports torch."""
