"""The faults of the catalogue on a deployment in a cluster, under the module names of `faults/local`.

Chaos Mesh injects most of them (chaos_mesh.py, experiment.py); `freeze` and `gpu-power-cap` run a command in a pod. All
of them end by themselves inside the cluster some time after their deadline, even if this machine is gone.
"""
