"""One frozen window of telemetry: the input of a method, and what is saved, shipped and replayed."""
