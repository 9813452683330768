"""The faults of the catalogue on a deployment in a cluster, under the module names of `faults/local`.

Chaos Mesh injects most of them (control/chaos_mesh.py, control/experiment.py); `freeze` and `gpu-power-cap` run a
command in a pod. All of them end on their own inside the cluster some time after their deadline, even if this machine
is gone.
"""
