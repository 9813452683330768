"""Finds the deployment in a namespace: KubeRay's by its objects, others by the labels and containers of their pods.

find_target(api, settings) -> Target      the RayService, RayCluster, stack or label scheme that is selected
followed(api, target) -> Target           the same with the RayClusters that serve now
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cluster.deployment import DeploymentError
from cluster.kubernetes import pools
from cluster.kubernetes.api import Api, ApiError
from cluster.kubernetes.members import deployments_of
from cluster.kubernetes.objects import Pod, map_of, maps, parse_pod
from cluster.kubernetes.resources import NAMESPACES, PODS, RAY_CLUSTERS, RAY_SERVICES, Object, Resource
from cluster.kubernetes.settings import Labels, Settings
from cluster.kubernetes.target import Target


def find_target(api: Api, settings: Settings) -> Target:
    """The deployment that the settings select. Raises DeploymentError, which lists the choices."""
    namespace = settings.namespace or api.namespace
    if settings.labels.head or settings.labels.replica:
        return Target(namespace, _namespace_uid(api, namespace), namespace, settings.labels)
    candidates, refused = _candidates(api, namespace, settings.labels)
    if not candidates and not settings.namespace:
        # The context's namespace is seldom the deployment's: search all, where RBAC lets us.
        candidates, _ = _candidates(api, "", settings.labels)
    if not candidates and refused is not None:
        raise refused
    if settings.deployment:
        named = [one for one in candidates if one.name == settings.deployment]
        if not named:
            names = ", ".join(one.name for one in candidates) or "none"
            raise DeploymentError(f"there is no deployment {settings.deployment} in {namespace}; there are: {names}")
        candidates = named
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        names = ", ".join(f"{one.name} (namespace {one.namespace})" for one in candidates)
        raise DeploymentError(
            f"{api.context} has several deployments: {names}; set namespace and deployment in kubernetes.toml"
        )
    raise DeploymentError(
        f"no RayService or RayCluster, and no pod with an LLM engine, in the namespace {namespace} of "
        f"{api.context}{_namespace_hint(api, namespace)}; "
        "set namespace in kubernetes.toml, or labels for a stack that is not recognized"
    )


def followed(api: Api, target: Target) -> Target:
    """The target with the RayClusters that serve now: every change of a RayService's configuration makes a new one.

    Raises DeploymentError.
    """
    try:
        service = api.get(RAY_SERVICES, target.namespace, target.name)
    except ApiError as error:
        if error.not_found:  # a RayCluster of its own
            return target
        raise
    found = _of_service(service, _owned(api.list(RAY_CLUSTERS, target.namespace)), target.labels)
    if found.uid != target.uid or not found.clusters:
        return target
    return replace(target, clusters=found.clusters, shares=found.shares, idle=found.idle)


def _candidates(api: Api, namespace: str, labels: Labels) -> tuple[list[Target], ApiError | None]:
    """The deployments of one namespace, or of all, and the refusal to list KubeRay's objects or the pods.

    A right that is missing hides only what it is for. Raises ApiError for other failures.
    """
    found: list[Target] = []
    refused: ApiError | None = None
    for search in (_ray, _shaped):
        try:
            found += search(api, namespace, labels)
        except ApiError as error:
            if not error.forbidden:
                raise
            refused = refused or error
    return found, refused


def _ray(api: Api, namespace: str, labels: Labels) -> list[Target]:
    """RayServices, and RayClusters that belong to none."""
    clusters = _list_installed(api, RAY_CLUSTERS, namespace)
    owned = _owned(clusters)
    services = [_of_service(one, owned, labels) for one in _list_installed(api, RAY_SERVICES, namespace)]
    taken = {(one.namespace, name) for one in services for name in (*one.clusters, *one.idle)}
    alone = []
    for one in clusters:
        name, where = one["metadata"]["name"], one["metadata"]["namespace"]
        if (where, name) not in taken and not _owner(one):
            alone.append(Target(name, one["metadata"]["uid"], where, labels, (name,)))
    return services + alone


def _shaped(api: Api, namespace: str, labels: Labels) -> list[Target]:
    """The stacks whose pods are recognized. Raises ApiError."""
    known = pools.read(api, namespace)
    by_namespace: dict[str, list[Pod]] = {}
    for pod in map(parse_pod, api.list(PODS, namespace)):
        by_namespace.setdefault(pod.namespace, []).append(pod)
    found = []
    for where, pods in sorted(by_namespace.items()):
        names = deployments_of(pods, known)
        uid = _namespace_uid(api, where) if names else ""
        own = tuple(pool for pool in known if pool.namespace == where)
        found += [Target(name, f"{uid}/{name}", where, labels, shaped=True, pools=own) for name in names]
    return found


def _of_service(ray_service: Object, owned: dict[str, list[str]], labels: Labels) -> Target:
    """A RayService, with the clusters that get its requests.

    While a new cluster starts, both exist, and requests go to the active one; in an incremental upgrade a growing share
    goes to the pending one.
    """
    status, meta = map_of(ray_service, "status"), ray_service["metadata"]
    active, pending = (map_of(status, f"{which}ServiceStatus") for which in ("active", "pending"))
    first, second = (str(one.get("rayClusterName") or "") for one in (active, pending))
    clusters = tuple(filter(None, [first or second]))
    shares: dict[str, float] = {}
    if first and second and (moved := _percent(pending)):
        clusters = (first, second)
        kept = _percent(active) if "trafficRoutedPercent" in active else 100.0 - moved
        shares = {first: kept / (kept + moved), second: moved / (kept + moved)}
    idle = tuple(name for name in owned.get(meta["uid"], ()) if name not in clusters)
    return Target(meta["name"], meta["uid"], meta["namespace"], labels, clusters, shares, idle)


def _percent(status: Object) -> float:
    value = status.get("trafficRoutedPercent")
    return float(min(100, max(0, value))) if isinstance(value, int | float) else 0.0


def _owned(clusters: Sequence[Object]) -> dict[str, list[str]]:
    """uid of a RayService -> names of its RayClusters."""
    found: dict[str, list[str]] = {}
    for one in clusters:
        if owner := _owner(one):
            found.setdefault(owner, []).append(one["metadata"]["name"])
    return found


def _owner(cluster: Object) -> str:
    """uid of the RayService that a RayCluster belongs to; "" for one of its own."""
    owners = maps(cluster["metadata"], "ownerReferences")
    return next((str(one.get("uid", "")) for one in owners if one.get("kind") == "RayService"), "")


def _list_installed(api: Api, resource: Resource, namespace: str) -> list[Object]:
    """The objects of a custom resource; none where the cluster does not have the resource."""
    try:
        return api.list(resource, namespace)
    except ApiError as error:
        if error.not_found:
            return []
        raise


def _namespace_hint(api: Api, namespace: str) -> str:
    try:
        api.get(NAMESPACES, "", namespace)
    except ApiError as error:
        return ", which does not exist" if error.not_found else ""
    return ""


def _namespace_uid(api: Api, namespace: str) -> str:
    try:
        return str(api.get(NAMESPACES, "", namespace)["metadata"]["uid"])
    except ApiError as error:
        if error.not_found:
            raise DeploymentError(
                f"{api.context} has no namespace {namespace}; check namespace in kubernetes.toml"
            ) from None
        return f"{api.context}/{namespace}"  # RBAC hides the namespace, but its name is known
