"""Loss: curves of one run or of several."""
