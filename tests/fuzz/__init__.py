"""Mutated inputs for every parser of files and messages that a stranger may have written, by name and seed."""
