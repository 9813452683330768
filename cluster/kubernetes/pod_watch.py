"""The pods of one namespace, kept up to date by a watch in its own thread; listed again when the watch breaks."""

from __future__ import annotations

import threading
import time

from cluster.deployment import DeploymentError
from cluster.kubernetes.api import Api, ApiError
from cluster.kubernetes.objects import Pod, parse_pod
from cluster.kubernetes.resources import PODS

_WATCH_SECONDS = 60.0
_PAUSE, _LONGEST_PAUSE = 1.0, 15.0


class PodWatch:
    """Lists the pods once and raises DeploymentError if that fails; later failures only set `trouble`."""

    def __init__(self, api: Api, namespace: str) -> None:
        self._api, self._namespace = api, namespace
        self._lock = threading.Lock()
        self._pods: dict[str, Pod] = {}
        self._ending = threading.Event()
        self._trouble = ""
        self._changes = 0
        self._version = self._list()
        self._thread = threading.Thread(target=self._run, name=f"watch {namespace}", daemon=True)
        self._thread.start()

    @property
    def trouble(self) -> str:
        """Why the pods may be out of date; empty while they are current."""
        return self._trouble

    def pods(self) -> tuple[int, tuple[Pod, ...]]:
        """A version that increases with every change, and the pods."""
        with self._lock:
            return self._changes, tuple(self._pods.values())

    def close(self) -> None:
        """Tell the thread to end, which it does when its connection ends."""
        self._ending.set()

    def _run(self) -> None:
        pause = _PAUSE
        while not self._ending.is_set():
            try:
                if not self._version:
                    self._version = self._list()
                began = time.monotonic()
                for event, changed in self._api.watch(PODS, self._namespace, self._version, _WATCH_SECONDS):
                    self._apply(event, parse_pod(changed))
                    self._version = str(changed["metadata"].get("resourceVersion", self._version))
                    if self._ending.is_set():
                        return
                self._trouble = ""
                # A server or proxy that ends every watch at once must not be flooded.
                pause = _PAUSE
                self._ending.wait(max(0.0, _PAUSE - (time.monotonic() - began)))
            except DeploymentError as error:
                self._version = ""
                if not (isinstance(error, ApiError) and error.status == 410):
                    self._trouble = str(error)
                    self._ending.wait(pause)
                    pause = min(2 * pause, _LONGEST_PAUSE)

    def _list(self) -> str:
        objects, version = self._api.list_at(PODS, self._namespace)
        with self._lock:
            self._pods = {one.uid: one for one in map(parse_pod, objects)}
            self._changes += 1
        self._trouble = ""
        return version

    def _apply(self, event: str, pod: Pod) -> None:
        with self._lock:
            if event == "DELETED":
                self._pods.pop(pod.uid, None)
            elif pod.uid:
                self._pods[pod.uid] = pod
            self._changes += 1
