"""Alerts that come over HTTP: kept until they are answered, each once, within a bounded part of the disk."""
