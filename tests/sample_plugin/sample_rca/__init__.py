"""A method, a fault and a check of another package, written against the public names alone."""
