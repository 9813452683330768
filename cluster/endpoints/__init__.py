"""A deployment known by its addresses: no Kubernetes, and no Prometheus of its own needed. Changes nothing.

watched.py      what the user named: targets, a Prometheus, a gateway
addresses.py    URLs and files of Prometheus's file_sd, read as hostile text
fleet.py        the components behind the targets, by their labels
scraper.py      a private Prometheus on loopback; keeper.py ends it with this process
reading.py      queries, a virtual front door included, and whose series they read
deployment.py   the adapters: `cluster.deployment.Deployment`
"""
