"""What is computed from codes after the fact; ``projections`` needs numpy alone, the screen may import it."""
