"""What users ask for, in a form or on the command line, and its meaning. Imports no Textual."""
