"""Control of what faults in a cluster act on: Chaos Mesh, GPUs, pods."""
