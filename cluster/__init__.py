"""What is deployed, and what it tells us: topology, telemetry, incidents, deployments."""
