"""Work that the screen's thread must not do: threads and helper processes."""
