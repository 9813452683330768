"""The faults of this package on the deployment on this machine."""
