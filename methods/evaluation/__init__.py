"""Methods scored on incidents whose cause is known. The only part of `methods` that may open a truth."""
