"""Kinds of model: each a ``torch.nn.Module`` with its own loss."""
