"""A deployment on Kubernetes, by kubeconfig context: found, watched and asked; nothing here changes it.

api.py          one context: plain objects in and out, deadlines, errors in one sentence
settings.py     the one configuration file
discovery.py    what belongs to the deployment, as a Topology
identity.py     which component a pod is, across replacement
metrics.py, logs.py, traces.py    the telemetry sources
deployment.py   all of it as a `cluster.deployment.Deployment`
doctor.py       what works, what does not, and how to mend it

The `kubernetes` client takes half a second to import: only api.py does, when it connects.
"""
