"""Deployments known by their addresses: scraped by a private Prometheus, or in a Prometheus that scrapes them."""

from __future__ import annotations

import re
import threading
import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING
from zlib import crc32

from cluster.deployment import Deployment, DeploymentError, DeploymentKind, HasAlerts, Liveness, Samples, Status
from cluster.endpoints import addresses, scraper, silence
from cluster.endpoints.addresses import Target
from cluster.endpoints.fleet import Fleet, Member, fleet_of
from cluster.endpoints.watched import Watched
from cluster.http import Login
from cluster.signals import SERVING
from cluster.topology import Kind, Topology
from cluster.window import Window

if TYPE_CHECKING:
    import pandas as pd

    from cluster.endpoints.reading import View
    from cluster.kubernetes.settings import Metrics
    from cluster.prometheus.client import Prometheus
    from cluster.prometheus.exposition import Exposition

DEADLINE = 10.0  # s of one reading
_CACHED = 5.0  # s for which the metric names are taken to stay as they are
_NO_TRACES = "endpoints give metrics alone: there are no traces"
_NO_LOGS = "endpoints give metrics alone: there are no logs"


class EndpointsDeployment(Deployment):
    """Reads targets by a Prometheus. Also `HasExposition`. Changes nothing."""

    kind = DeploymentKind.ENDPOINTS

    def __init__(self, watched: Watched) -> None:
        self.watched = watched
        self._lock = threading.Lock()
        self._view: tuple[float, View] | None = None

    @property
    def name(self) -> str:
        return self.watched.name

    @property
    def instance(self) -> str:
        return f"{crc32(repr(self.watched).encode()):08x}"

    @abstractmethod
    def login(self) -> Login:
        """Where the Prometheus answers. Raises DeploymentError."""

    @abstractmethod
    def look(self, server: Prometheus, window: Window) -> View:
        """The components and the names of their series. Raises DeploymentError."""

    def first_look(self) -> dict[str, str]:
        """Component -> why it does not answer, "" where it does; asked where nothing has been scraped yet."""
        return {}

    def topology(self) -> Topology:
        return self.view().topology

    def status(self) -> Status:
        from cluster.endpoints.reading import ups

        view = self.view()
        with self.connect() as server:
            scraped = ups(server, view.matchers)
            age = server.scalar(f"time() - max(timestamp(up{{{view.matchers}}}))")
            fresh = max(5.0, 2.5 * view.scrape)
            wrong_clock = server.wrong_clock(fresh)
            reasons: Mapping[str, str] = {}
            if not all(up for _, up in scraped):
                with suppress(DeploymentError):  # some servers refuse to say it
                    reasons = server.scrape_errors(view.label)
        if scraped:
            failures = {view.owners[value]: error for value, error in reasons.items() if value in view.owners}
        else:
            failures = self.first_look()
        answers = {} if scraped else {component: not error for component, error in failures.items()}
        for labels, up in scraped:
            if owner := view.owners.get(labels.get(view.label, "")):
                answers[owner] = answers.get(owner, True) and up
        known = view.fleet.topology
        door = known.front_door
        down = set(view.fleet.ids) <= answers.keys() and not any(answers.values())
        if door is not None and door not in view.fleet.ids and answers and not down:
            answers[door] = any(answers.get(one.id) for one in known.of_kind(Kind.HEAD, Kind.REPLICA))  # virtual
        silent = [one for one in known.components if one.id in view.fleet.ids and not answers.get(one.id, True)]
        why = {component: silence.reason(error) for component, error in failures.items()}
        message = silence.sentence(silent, why, nobody=down)
        if down:
            return Status(Liveness.DOWN, None if age is None else max(0.0, age), message, answers)
        if age is None:
            return Status(Liveness.STALE, None, message or "the first scrape takes 5 to 6 s", answers)
        message = "; ".join(text for text in (wrong_clock, message) if text)
        liveness = Liveness.LIVE if age < fresh and not wrong_clock else Liveness.STALE
        return Status(liveness, max(0.0, age), message, answers, fresh)

    def samples(self, window: Window, step: float, signals: Sequence[str] | None = None) -> Samples:
        from cluster.endpoints.reading import TABLES, build_queries, unmerged
        from cluster.prometheus.samples import read
        from cluster.prometheus.targets import counted_once, targets_of

        view = self.view()
        try:
            queries, missing = build_queries(view, signals, step)
        except KeyError as error:
            raise DeploymentError(str(error.args[0])) from error
        with self.connect() as server:
            targets = targets_of(
                server, TABLES, queries, view.names, view.label, view.owners, view.matchers, window.end
            )
            found = read(
                server,
                view.topology,
                queries,
                window,
                step,
                missing=missing,
                every=signals is None,
                own=view.own,
                expected=len(view.topology.ids),
                targets=targets,
            )
        told = *unmerged(view.fleet, found.provenance), *counted_once(view.duplicates)
        return replace(found, notes=(*told, *found.notes))

    def names(self, window: Window) -> dict[str, frozenset[str]]:
        """Component -> the names of its series at the end of the window. Raises DeploymentError."""
        view = self.view()
        with self.connect() as server:
            series = server.instant(f'group by ({view.label}, __name__) ({{{view.matchers}__name__!=""}})', window.end)
        found: dict[str, set[str]] = {}
        for labels in map(dict, series):
            if owner := view.owners.get(labels.get(view.label, "")):
                found.setdefault(owner, set()).add(labels["__name__"])
        return {owner: frozenset(names) for owner, names in found.items()}

    def exposition(self, window: Window) -> Exposition:
        from cluster.endpoints.reading import build_queries
        from cluster.prometheus.exposition import Exposition

        view = self.view()
        queries, _ = build_queries(view, None)
        with self.connect() as server:
            return Exposition(view.names, server.types(), server.intervals(), tuple(queries))

    def spans(self, window: Window) -> pd.DataFrame:
        raise DeploymentError(_NO_TRACES)

    def logs(self, window: Window) -> pd.DataFrame:
        raise DeploymentError(_NO_LOGS)

    def close(self) -> None:
        """Nothing is held open; a private Prometheus ends with the process, so that later connections find history."""

    def connect(self) -> Prometheus:
        """The server; use it as a context manager. Raises DeploymentError."""
        from cluster.prometheus.client import Prometheus

        return Prometheus(self.login(), deadline=DEADLINE)

    def view(self) -> View:
        """What is there now, read again after some seconds. Raises DeploymentError."""
        with self._lock:
            now = time.time()
            if self._view is None or now - self._view[0] > _CACHED or not self._view[1].names:
                with self.connect() as server:
                    self._view = now, self.look(server, Window(now - 60.0, now + 1.0))
            return self._view[1]


class ScrapedDeployment(EndpointsDeployment):
    """Targets that a private Prometheus scrapes every second."""

    def __init__(self, watched: Watched) -> None:
        """Start it, and wait until it answers; `begin` starts it earlier. Raises DeploymentError."""
        super().__init__(watched)
        self._targets, self._fleet = _listed(watched)
        self._first: dict[str, str] | None = None
        self._server = self._start()

    @property
    def history(self) -> float:
        """Seconds that have been scraped so far."""
        return time.time() - self._server.began

    def connect(self) -> Prometheus:
        from cluster.prometheus.own import OwnPrometheus

        return OwnPrometheus(self.login(), deadline=DEADLINE)

    def login(self) -> Login:
        if not self._server.alive():
            self._server = self._start()
        return Login(self._server.url)

    def look(self, server: Prometheus, window: Window) -> View:
        from cluster.endpoints.reading import TABLES, View
        from cluster.prometheus.ranks import ranks_of

        names = server.names(window)
        ranks = ranks_of(server, TABLES, names, "component", "", window.end)
        owners = {own: own for own in self._fleet.ids}
        return View(self._fleet, "component", owners, "", names, scraper.INTERVAL, ranks=ranks)

    def first_look(self) -> dict[str, str]:
        from cluster.endpoints.probe import answering

        if self._first is None:
            self._first = answering(self._targets, self._fleet.ids)
        return self._first

    def addresses(self, component: str) -> Mapping[str, tuple[Target, ...]]:
        """Component -> its targets: of that one, or of all that serve where it is a virtual front door."""
        fleet = self._fleet
        asked = {component} & set(fleet.ids) or {one.id for one in fleet.topology.of_kind(*SERVING)}
        found: dict[str, tuple[Target, ...]] = {}
        for own, target in zip(fleet.ids, self._targets, strict=True):
            if own in asked:
                found[own] = (*found.get(own, ()), target)
        return found

    def _start(self) -> scraper.Scraper:
        started = scraper.scraper(self._targets, self._fleet.ids)
        started.await_ready()
        return started


class StoredDeployment(EndpointsDeployment, HasAlerts):
    """Targets in a Prometheus that scrapes them already."""

    step = 5.0

    def __init__(self, watched: Watched, configured: Metrics) -> None:
        """Look for targets of an engine. Raises DeploymentError where there are none."""
        super().__init__(watched)
        self._configured = configured
        self._gateways = addresses.addresses_of(watched.gateway, "--gateway") if watched.gateway else ()
        self._seen: dict[str, str] = {}  # address -> role; a target that stopped answering stays
        self.view()

    def login(self) -> Login:
        return self._configured.login()

    def pending_since(self, labels: Mapping[str, str], at: float) -> float | None:
        with self.connect() as server:
            return server.pending_since(labels, at)

    def look(self, server: Prometheus, window: Window) -> View:
        from cluster.endpoints.reading import TABLES, View, copies, ups
        from cluster.prometheus.ranks import ranks_of
        from cluster.prometheus.targets import matchers_of

        matchers = matchers_of(self._configured.matchers)
        matchers += f"{self.watched.match.strip().strip(',')}," if self.watched.match else ""
        names = server.names(window, f"{{{matchers}}}" if matchers else "")
        self._seen |= self._roles(server, names, matchers, window.end)
        found = {labels["instance"]: labels for labels, _ in ups(server, matchers) if labels.get("instance")}
        listed = [
            Member(address, {"role": self._seen[address], **labels}, address)
            for address, labels in sorted(found.items())
            if address in self._seen
        ]
        if not listed:
            selected = f" that {self.watched.match} selects" if self.watched.match else ""
            raise DeploymentError(
                f"{self.name} scrapes no target{selected} with metrics of a known engine: see --match"
            )
        if self._gateways and not self._seen.keys() & set(self._gateways):
            wanted = self._gateways[0]
            raise DeploymentError(f"{self.name} scrapes no target {wanted}: --gateway names one that it scrapes")
        fleet = fleet_of(listed)
        ranks = ranks_of(server, TABLES, names, "instance", matchers, window.end)
        duplicates = copies(server, matchers, window)
        scrape = self._configured.scrape
        return View(fleet, "instance", fleet.of_address, matchers, names, scrape, duplicates, ranks)

    def _roles(self, server: Prometheus, names: frozenset[str], matchers: str, at: float) -> dict[str, str]:
        """Address of each target with known metrics -> its role by them. Raises DeploymentError."""
        from cluster.endpoints.reading import TABLES, telling
        from cluster.prometheus.promql import quoted
        from cluster.prometheus.variants import spelled

        roles: dict[str, str] = {}
        for kind, telling_it in telling(spelled(TABLES, names)):
            if metrics := telling_it & names:
                pattern = quoted("|".join(re.escape(metric) for metric in sorted(metrics)))
                series = server.instant(f'group by (instance) ({{{matchers}__name__=~"{pattern}"}})', at)
                roles |= {value: kind.value for labels in series for name, value in labels if name == "instance"}
        return roles | {address: "gateway" for address in self._gateways if address in roles}


def begin(watched: Watched) -> None:
    """Start to scrape, for a connection that comes soon. Raises DeploymentError for targets that are none."""
    if watched.targets:
        targets, fleet = _listed(watched)
        scraper.scraper(targets, fleet.ids)


def _listed(watched: Watched) -> tuple[tuple[Target, ...], Fleet]:
    targets = addresses.targets(watched.targets, watched.gateway)
    return targets, fleet_of([Member(target.address, target.labels, url=target.shown) for target in targets])


def connect(watched: Watched) -> EndpointsDeployment:
    """Connect to what the user named. Raises DeploymentError."""
    if watched.targets:
        return ScrapedDeployment(watched)
    from cluster.endpoints.settings import stored

    return StoredDeployment(watched, stored(watched.prometheus))
