"""The faults of the catalogue on the deployment on this machine. Linux only."""
