"""Latent: the codes as a cloud, epoch by epoch."""
