"""Base of faults on endpoints: real requests to the engines' own addresses, bounded in rate, number and time."""

from __future__ import annotations

import http.client
import json
import math
import shlex
import time
from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlsplit

from cluster.deployment import DeploymentError
from cluster.endpoints.deployment import ScrapedDeployment
from cluster.http import Login, QueryError, Session, checked
from cluster.text.plain import plain
from cluster.topology import Kind
from faults.endpoints.control import senders
from faults.requests.stream import Stream
from faults.types import Availability, Fault, P, Plan, Readback

if TYPE_CHECKING:
    from cluster.deployment import Deployment
    from cluster.endpoints.addresses import Target

OWN_TIMEOUT = 20  # s past the deadline after which the process ends on its own if nothing else ended it
PATIENCE = 2.0  # s of the request that asks for the models
FIRST = 5.0  # s that the first requests may take in all; one that takes longer was not refused
LONGEST = 200  # characters of a model's name


class RequestFault(Fault[P]):
    """Requests to one target, or to all replicas in turn where the target is a virtual front door."""

    deployments = frozenset({"endpoints"})
    targets = frozenset({Kind.HEAD, Kind.REPLICA})
    needs = ("endpoints that --targets names", "an OpenAI API without a login at the same address as the metrics")
    culprit: ClassVar[bool] = True
    """Whether the target is to blame."""

    @abstractmethod
    def stream(self, parameters: P) -> Stream: ...

    def available(self, deployment: Deployment) -> Availability:
        if not isinstance(deployment, ScrapedDeployment):
            return Availability(False, "requests are sent only to addresses that --targets names")
        return Availability(True)

    def plan(self, deployment: Deployment, target: str, parameters: P, injection: str, seconds: float) -> Plan:
        if not isinstance(deployment, ScrapedDeployment):
            raise DeploymentError("requests are sent only to addresses that --targets names")
        servers = [_server(name, targets) for name, targets in deployment.addresses(target).items()]
        stream = self.stream(parameters)
        argv = (
            *stream.argv([url for url, _ in servers], math.ceil(seconds) + OWN_TIMEOUT),
            *(f"--model={model}" for _, model in servers),
            *("--tag", injection),
        )
        return Plan(
            injection=injection,
            fault=self.name,
            target=target,
            components=(target,),
            faulty=(target,) if self.culprit else (),
            uids={target: ""},
            parameters=parameters.model_dump(),
            actions=(f"on this machine: {shlex.join(argv)}",),
            undo=senders.kill_line(injection),
            data={"argv": list(argv), "servers": [list(server) for server in servers]},
        )

    def inject(self, deployment: Deployment, plan: Plan) -> None:
        """Send one request to each server, then all of them. Raises DeploymentError where a server refuses it."""
        words, until = self.stream(self.parse(plan.parameters)).words, time.monotonic() + FIRST
        for url, model in plan.data["servers"]:
            if (left := until - time.monotonic()) <= 0:
                break
            if reason := _refused(str(url), str(model), words, left):
                raise DeploymentError(f"{url} refuses such a request: {reason}")
        senders.start(list(plan.data["argv"]))

    def revert(self, deployment: Deployment, plan: Plan) -> None:
        left = senders.kill(plan.injection)
        if not left.clean:
            raise DeploymentError(left.detail)

    def readback(self, deployment: Deployment, plan: Plan) -> Readback:
        return senders.readback(plan.injection)

    def revert_without(self, plan: Plan) -> Readback:
        return senders.kill(plan.injection)


def _server(component: str, targets: Sequence[Target]) -> tuple[str, str]:
    """The first address of a component that serves models, and the first of them. Raises DeploymentError."""
    reasons = []
    for target in targets:
        url = f"{target.scheme}://{target.address}"
        with Session(Login(url)) as session:
            session.trust_env = False  # what scrapes it takes no proxy of the environment either
            try:
                name = checked(lambda: _first_model(session, url), "an OpenAI API")  # noqa: B023  called at once
                return url, name
            except QueryError as error:
                reasons.append(f"{url}/v1/models: {error}")
    raise DeploymentError(f"{component} takes no requests at the address of its metrics: {'; '.join(reasons[:3])}")


def _first_model(session: Session, url: str) -> str:
    # Where a redirect leads the user has not named, and the requests would not follow it.
    name = session.get(f"{url}/v1/models", timeout=PATIENCE, allow_redirects=False).json()["data"][0]["id"]
    if not isinstance(name, str) or name != plain(name, LONGEST) or not name:
        raise ValueError("it is no name of a model")
    return name


def _refused(url: str, model: str, words: int, seconds: float) -> str:
    """Why a request is not taken; "" where it is, or is still being worked on after so many seconds."""
    where = urlsplit(url)
    body = json.dumps({"model": model, "prompt": " ".join(["river"] * words), "max_tokens": 1})
    connect = http.client.HTTPSConnection if where.scheme == "https" else http.client.HTTPConnection
    connection = connect(where.hostname or "", where.port, timeout=seconds)
    try:
        connection.request("POST", "/v1/completions", body, {"Content-Type": "application/json"})
        status = connection.getresponse().status
    except TimeoutError:
        return ""
    except (OSError, http.client.HTTPException) as error:
        return f"the connection failed ({type(error).__name__})"
    finally:
        connection.close()
    return "" if status == 200 else f"HTTP {status}"
