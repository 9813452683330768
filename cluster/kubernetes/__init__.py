"""A deployment on Kubernetes, by kubeconfig context: finds, watches and queries it; changes nothing.

api.py          one context: plain objects in and out, deadlines, errors in one sentence
answers.py      what it says: refusals in one clause, lines, text that can be shown
settings.py     the configuration file
discovery.py    finds the deployment: target.py
shapes/         what a pod is in stacks that are recognized; pools.py: InferencePools
members.py, stack.py    the pods and nodes of the deployment, as a Topology
pod_watch.py    the pods of a namespace, kept up to date
identity.py     the component that a pod is, also after it was replaced
sources.py      the addresses of the telemetry, and logins to it
metrics.py, logs.py, traces/    the telemetry
deployment.py   the adapter: a `cluster.deployment.Deployment`
commands.py     commands in a container
doctor.py       checks of all of this, and how to repair what fails
redaction.py    takes names and addresses out of a report

The `kubernetes` client takes half a second to import: only api.py does, when it connects.
"""
