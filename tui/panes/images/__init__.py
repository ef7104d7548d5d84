"""Images: what a run reconstructed, denoised or made up."""
