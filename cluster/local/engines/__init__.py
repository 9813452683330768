"""Inference engines behind the serving pods. An engine is imported only in the process that runs it."""
