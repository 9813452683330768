"""Which targets answer, asked directly: a Prometheus scrapes for the first time 5 to 6 s after its start."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait

from cluster.endpoints.addresses import Target
from cluster.http import Login, QueryError, Session, checked

TIMEOUT = 1.0  # s of one request, as of a scrape
_AT_ONCE = 32


def answering(targets: Sequence[Target], ids: Sequence[str]) -> dict[str, str]:
    """Component -> why one of its targets does not answer, "" where all do.

    Those that were not reached within the timeout are left out.
    """
    pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="probe")
    asked = {pool.submit(_failure, target): own for target, own in zip(targets, ids, strict=True)}
    done, _ = wait(asked, 2 * TIMEOUT)
    pool.shutdown(wait=False, cancel_futures=True)
    found: dict[str, str] = {}
    for future in done:
        found[asked[future]] = found.get(asked[future], "") or future.result()
    return found


def _failure(target: Target) -> str:
    with Session(Login(target.url, auth=target.auth)) as session:
        session.auth, session.trust_env = target.auth, False  # as Prometheus, which takes no proxy of the environment
        try:
            checked(lambda: session.get(target.url, params=dict(target.params), timeout=TIMEOUT), "a metrics page")
        except QueryError as error:
            return str(error)
    return ""
