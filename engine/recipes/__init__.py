"""Recipes: steps that depend on each other, run as one on the ordinary workers. Free of torch.

`steps` says what a recipe is, `paper` is the reference study, `recipe_file` reads a user's own, `runner` runs one, and
`table` sums it up.
"""
