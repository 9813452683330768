"""Telemetry of an incident in the shapes that methods read: matrices, spans, calls, the SLI, the onset."""
