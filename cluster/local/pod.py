"""Control of one pod from outside the sandbox: run commands in its namespaces and cgroup."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from cluster.deployment import Completed, DeploymentError
from cluster.local import layout, network, preflight, processes
from cluster.local.state import LocalState

_ACTOR = "ray::ServeReplica"
# Any pod's proxy may forward a request to another pod's replica: the replica that did the work names itself.
_ASK = f"""import urllib.request
with urllib.request.urlopen("http://127.0.0.1:{layout.SERVE_PORT}/v1/models", timeout=5) as answer:
    print(answer.headers["X-RCA-Served-By"])"""
_KILLED = (-9, 128 + 9)  # exit codes of a shell's kill and of the kernel's


class LocalPod:
    """A pod of the embedded deployment, as `cluster.deployment.Pod`; `node` is the sandbox itself, outside all pods."""

    def __init__(self, state: LocalState, component: str) -> None:
        if component not in state.holders and component != layout.NODE:
            raise DeploymentError(f"there is no pod {component}; there are: {', '.join((*state.holders, layout.NODE))}")
        self._state = state
        self._component = component
        self._served: processes.Process | None = None

    @property
    def component(self) -> str:
        return self._component

    @property
    def uid(self) -> str:
        """Identifies the serving process: it changes when Serve replaces the replica or the pod's holder is lost."""
        process = (self._component in layout.SERVING and self._serving()) or self._holder()
        return f"{self._state.id}/{self._component}/{process.pid}-{process.started}"

    def run(self, argv: Sequence[str], timeout: float = 10.0) -> Completed:
        # Killing nsenter from here would leave its child inside: the timeout has to run inside, too.
        command = self._command(["timeout", "--signal=KILL", f"{timeout:g}", *argv])
        began = time.monotonic()
        try:
            done = subprocess.run(
                command,
                env=self._environment({}),
                capture_output=True,
                text=True,
                errors="replace",
                timeout=timeout + 2,
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired:
            raise self._too_long(argv, timeout) from None
        except OSError as error:
            raise DeploymentError(f"`{' '.join(argv)}` could not be started in {self._component}: {error}") from error
        if done.returncode in _KILLED and time.monotonic() - began >= timeout:
            raise self._too_long(argv, timeout)
        return Completed(done.returncode, done.stdout, done.stderr)

    def spawn(self, argv: Sequence[str], tag: str) -> None:
        # `setsid --fork` returns at once and leaves the command to the sandbox's PID 1.
        # nsenter keeps a process outside as parent of what it forks, so the fork has to happen inside.
        command = self._command(["setsid", "--fork", *argv])
        try:
            done = subprocess.run(
                command,
                env=self._environment({layout.ENV_TAG: tag}),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=10,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise DeploymentError(f"`{' '.join(argv)}` could not be started in {self._component}: {error}") from error
        if done.returncode != 0:
            words = " ".join(argv)
            raise DeploymentError(f"`{words}` could not be started in {self._component} (code {done.returncode})")

    def tagged(self, tag: str) -> list[int]:
        if not self._state.alive():
            return []
        mine = list(processes.in_namespace(self._init().pid, "pid"))
        roots = {pid for pid in mine if processes.environment(pid).get(layout.ENV_TAG) == tag}
        # Some programs (stress-ng) write their title over the environment of their children.
        return sorted(pid for pid in processes.with_descendants(roots, mine) if _runs(pid))

    def pids(self) -> list[int]:
        """All processes of the pod except its holder: the pod outlives its programs."""
        if not self._state.alive():
            return []
        inside = set(processes.in_namespace(self._init().pid, "pid"))
        if self._component == layout.NODE:
            return sorted(pid for pid in inside if _runs(pid))
        holder = self._holder().pid
        in_pod = inside & set(processes.in_namespace(holder, "net"))
        return sorted(pid for pid in in_pod if pid != holder and _runs(pid))

    def replica(self) -> int | None:
        """Pid of the Serve replica in this pod, None while there is none."""
        process = self._serving()
        return None if process is None else process.pid

    def answers(self) -> bool:
        done = self.run([sys.executable, "-I", "-S", "-c", _ASK])
        return done.code == 0 and done.stdout.strip() == self._component

    def cpu_limit(self) -> float | None:
        self._need_cgroup()
        try:
            return self._state.cgroups.cpu_limit(self._component)
        except OSError as error:
            raise DeploymentError(f"the CPU limit of {self._component} cannot be read: {error}") from None

    def cpu_quota(self, cores: float | None = None, period: float = 0.1) -> dict[str, str]:
        self._need_cgroup()
        try:
            quota = self._state.cgroups.quota(self._component, cores, round(1e6 * period))
        except OSError as error:
            raise DeploymentError(f"the CPU limit of {self._component} cannot be read: {error}") from None
        return {str(path): content for path, content in quota.items()}

    def set_cpu_quota(self, quota: Mapping[str, str]) -> None:
        files = self.cpu_quota()
        if set(files) != set(quota):
            raise DeploymentError(f"{', '.join(quota)}: these are not the files of the CPU limit of {self._component}")
        try:
            for path in files:
                Path(path).write_text(quota[path])
        except OSError as error:
            raise DeploymentError(f"the CPU limit of {self._component} cannot be set: {error}") from None

    def manual_command(self, argv: Sequence[str]) -> str:
        return shlex.join(self._enter(argv))

    def _need_cgroup(self) -> None:
        if not self._state.cgroups.parents:
            raise DeploymentError(f"pods have no CPU limit on this machine: {self._state.cgroups.reason}")

    def _serving(self) -> processes.Process | None:
        if not self._state.alive():
            return None
        self._holder()  # a pod that is gone has none, whatever still runs
        # To find it takes two links of each process there is; every look of the live screen asks for every pod.
        served = self._served
        if served is None or not (served.alive() and _serves(served.pid)):
            served = next((processes.identify(pid) for pid in self.pids() if _serves(pid)), None)
        self._served = served
        return served

    def _too_long(self, argv: Sequence[str], timeout: float) -> DeploymentError:
        return DeploymentError(f"`{' '.join(argv)}` in {self._component} took more than {timeout:g} s")

    def _init(self) -> processes.Process:
        init = self._state.init
        if init is None or not init.alive():
            raise DeploymentError("the deployment is not running: `rca-tui up` starts it")
        return init

    def _holder(self) -> processes.Process:
        init = self._init()
        if self._component == layout.NODE:
            return init
        holder = self._state.holders[self._component]
        if not holder.alive():
            raise DeploymentError(f"the pod {self._component} is gone: `rca-tui down` and `rca-tui up` build it anew")
        return holder

    def _command(self, argv: Sequence[str]) -> list[str]:
        pod = layout.SYSTEM if self._component == layout.NODE else self._component
        return network.enter_argv(self._state.cgroups.of(pod), self._enter(argv))

    def _enter(self, argv: Sequence[str]) -> list[str]:
        user = ["-U", "--preserve-credentials"] if self._state.rootless else []
        return ["nsenter", "-t", str(self._holder().pid), *user, "-n", "-m", "-p", "--", *argv]

    def _environment(self, extra: dict[str, str]) -> dict[str, str]:
        # Cleanup finds this process by the markers even if it left the sandbox.
        return {
            **os.environ,
            "PATH": preflight.search_path(),
            layout.ENV_STATE: str(self._state.run.parent.absolute()),
            layout.ENV_DEPLOYMENT: self._state.id,
            layout.ENV_COMPONENT: self._component,
            **extra,
        }


def _serves(pid: int) -> bool:
    # Ray names its workers after what they do: "ray::ServeReplica:llm:LLM", with a method while one runs.
    return any(word.startswith(_ACTOR) for word in processes.command(pid)[:1])


def _runs(pid: int) -> bool:
    return not processes.is_zombie(pid)
