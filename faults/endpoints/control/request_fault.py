"""Base of faults on endpoints: real requests to the engines' own addresses, bounded in rate, number and time."""

from __future__ import annotations

import http.client
import itertools
import json
import math
import shlex
import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlsplit

from cluster.deployment import DeploymentError
from cluster.endpoints.deployment import ScrapedDeployment
from cluster.http import Login, Session, checked
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
ASKING = 5.0  # s that all servers together have for it
_AT_ONCE = 64
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
        servers = _servers(deployment.addresses(target))
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


def _servers(components: Mapping[str, Sequence[Target]]) -> list[tuple[str, str]]:
    """Of each component the first address that serves models, and the first of them. Raises DeploymentError.

    All are asked at once, and have `ASKING` seconds together.
    """
    urls = {name: [f"{one.scheme}://{one.address}" for one in targets] for name, targets in components.items()}
    pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="models")
    asked = {url: pool.submit(_model, url) for url in dict.fromkeys(itertools.chain(*urls.values()))}
    wait(asked.values(), ASKING)
    pool.shutdown(wait=False, cancel_futures=True)
    return [_serving(name, {url: asked[url] for url in own}) for name, own in urls.items()]


def _serving(component: str, asked: Mapping[str, Future[str]]) -> tuple[str, str]:
    reasons = []
    for url, model in asked.items():
        if not model.done() or model.cancelled():
            reasons.append(f"{url}/v1/models: no answer within {ASKING:g} s")
        elif error := model.exception():
            reasons.append(f"{url}/v1/models: {error}")
        else:
            return url, model.result()
    raise DeploymentError(f"{component} takes no requests at the address of its metrics: {'; '.join(reasons[:3])}")


def _model(url: str) -> str:
    """The first model that is served there. Raises QueryError."""
    with Session(Login(url)) as session:
        session.trust_env = False  # what scrapes it takes no proxy of the environment either
        return checked(lambda: _first_model(session, url), "an OpenAI API")


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
