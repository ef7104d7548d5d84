"""Images in a terminal: real pictures by kitty or sixel, half blocks, braille, ASCII."""
