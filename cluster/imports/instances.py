"""Instances of services: what stands under one name of a service, told apart by pods, addresses or hosts.

A pod or an address names its component by itself. A host does not, for it may run several services: what only a host
tells apart is `service@host` where the service has several hosts, and the service itself where it has one. A record of
a service with a host belongs to the pod or address of the service that is known there, where that is one.
"""

from __future__ import annotations

from cluster.topology import Edge, Relation, Topology


class Instances:
    """Collects which service runs where, then names the instances and joins them to the topology."""

    def __init__(self) -> None:
        self._named: dict[str, dict[str, str]] = {}
        self._marks: dict[str, tuple[str, str]] = {}
        self._machines: dict[str, None] = {}

    def add(self, component: str, service: str, host: str) -> None:
        """A component that a pod or an address names, of this service; `host` is "" where it is not told."""
        known = self._named.setdefault(service, {})
        known[component] = known.get(component) or host

    def at_host(self, service: str, host: str) -> str:
        """A mark for the instance of a service on a host; `names` has its name when all records are known."""
        mark = f"{service}\0{host}"
        self._marks[mark] = service, host
        return mark

    def machine(self, component: str) -> None:
        """A component that only a host names."""
        self._machines[component] = None

    def names(self) -> dict[str, str]:
        """Mark -> the component that it stands for."""
        hosts: dict[str, set[str]] = {}
        for service, host in self._marks.values():
            hosts.setdefault(service, set()).add(host)
        for service, known in self._named.items():
            hosts.setdefault(service, set()).update(host for host in known.values() if host)
        return {mark: self._name(*place, len(hosts[place[0]])) for mark, place in self._marks.items()}

    def _name(self, service: str, host: str, hosts: int) -> str:
        there = [one for one, at in self._named.get(service, {}).items() if host in (at, one)]
        if len(there) == 1:
            return there[0]
        return f"{service}@{host}" if hosts > 1 and not there else service

    def join(self, topology: Topology) -> Topology:
        """The topology in which instances are part of their service, called by its callers, and run on their hosts."""
        of_service = {service: dict(known) for service, known in self._named.items()}
        for mark, name in self.names().items():
            service, host = self._marks[mark]
            of_service.setdefault(service, {}).setdefault(name, host)
        edges = dict.fromkeys(topology.edges)
        for service, known in of_service.items():
            instances = {one: host for one, host in known.items() if one in topology}
            others = [one for one in instances if one != service]
            if service in topology:
                callers = [one for one in topology.callers(service) if one not in instances]
                edges |= dict.fromkeys(Edge(caller, one) for caller in callers for one in others)
                edges |= dict.fromkeys(Edge(one, service, Relation.PART_OF) for one in others)
            for one, host in instances.items():
                if host in self._machines and host in topology and host != one:
                    edges[Edge(one, host, Relation.RUNS_ON)] = None
        return Topology(topology.components, tuple(edges), topology.front_door)
