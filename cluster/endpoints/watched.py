"""What the user named: the targets to scrape, or the Prometheus that scrapes them."""

from __future__ import annotations

from dataclasses import dataclass

from cluster.text.plain import plain


@dataclass(frozen=True, slots=True)
class Watched:
    """Either targets or a Prometheus.

    Attributes:
        targets: URLs, and files of file_sd.
        prometheus: URL of a server.
        match: label matchers that select the deployment in that server: `job="vllm"`.
        gateway: URL of the gateway's metrics; with a Prometheus, the address under which it is scraped.
    """

    targets: tuple[str, ...] = ()
    prometheus: str = ""
    match: str = ""
    gateway: str = ""

    @property
    def name(self) -> str:
        """For people; without the secrets of a URL."""
        from cluster.endpoints.addresses import shown

        first = self.prometheus or self.targets[0]
        more = len(self.targets) - 1
        return plain(shown(first), 200) + (f" and {more} more" if more > 0 else "")

    def as_options(self) -> list[str]:
        """Of the command line, to hand on to a process."""
        one = {"--prometheus": self.prometheus, "--match": self.match, "--gateway": self.gateway}
        return [f"--targets={each}" for each in self.targets] + [f"{name}={text}" for name, text in one.items() if text]


def watched(targets: tuple[str, ...], prometheus: str = "", match: str = "", gateway: str = "") -> Watched:
    """What the options name, "" for one that is not given. Raises DeploymentError where they exclude each other."""
    from cluster.deployment import DeploymentError

    if targets and prometheus:
        raise DeploymentError("--targets and --prometheus exclude each other: each names a deployment")
    if not targets and not prometheus:
        raise DeploymentError(f"{'--match' if match else '--gateway'} goes with --targets or --prometheus")
    if targets and match:
        raise DeploymentError("--match selects series of a server: it goes with --prometheus")
    return Watched(targets, prometheus, match, gateway)
