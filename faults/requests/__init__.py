"""Faults that are requests: which ones (`stream`), and the program that sends them (`traffic`), wherever that is."""
