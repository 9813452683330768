"""One window of telemetry, frozen: what a method sees, what is saved, shipped and replayed."""
