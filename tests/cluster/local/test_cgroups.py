from __future__ import annotations

from pathlib import Path

import pytest

from cluster.local.cgroups import Cgroups, Version, detect, folder_name, leftovers, remove
from cluster.local.pod_stats import PodStats, parse_net_dev


def v1_tree(root: Path) -> Path:
    for controller in ("cpu", "cpuacct", "memory"):
        (root / controller).mkdir(parents=True)
        (root / controller / "cgroup.procs").write_text("")
    return root


def v2_tree(root: Path, own: str, controllers: dict[str, str]) -> Path:
    (root / own.lstrip("/")).mkdir(parents=True)
    (root / "cgroup.controllers").write_text("cpu memory pids")
    for folder, names in controllers.items():
        (root / folder.lstrip("/") / "cgroup.subtree_control").write_text(names)
    membership = root.parent / "self-cgroup"
    membership.write_text(f"0::{own}\n")
    return membership


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "cgroup"


def test_v1_gives_a_folder_in_each_hierarchy(root: Path) -> None:
    groups = detect("name", v1_tree(root))
    assert groups.version is Version.V1
    assert groups.folder("head", "cpuacct") == root / "cpuacct" / "name" / "head"
    groups.create(["head"])
    groups.limit_cpu("head", 0.5)
    assert (root / "cpu/name/head/cpu.cfs_quota_us").read_text() == "50000"
    assert groups.cpu_limit("head") == 0.5
    assert {path.name: content for path, content in groups.quota("head").items()} == {
        "cpu.cfs_period_us": "100000",
        "cpu.cfs_quota_us": "50000",
    }
    (root / "cpu/name/head/cpu.cfs_quota_us").write_text("-1\n")
    assert groups.cpu_limit("head") is None


def test_v2_takes_the_nearest_folder_that_hands_out_cpu_and_memory(root: Path) -> None:
    own = "/user.slice/user-1.slice/user@1.service/app.slice/shell.scope"
    handed = {
        "/": "cpu memory pids",
        "/user.slice": "memory",
        "/user.slice/user-1.slice/user@1.service": "cpu memory",
        "/user.slice/user-1.slice/user@1.service/app.slice": "memory pids",
        own: "",
    }
    groups = detect("name", root, v2_tree(root, own, handed))
    assert groups.version is Version.V2
    assert groups.parents == (root / "user.slice/user-1.slice/user@1.service",)
    groups.create(["head"])
    groups.limit_cpu("head", 0.25)
    folder = groups.folder("head", "memory")
    assert folder is not None
    assert (folder / "cpu.max").read_text() == "25000 100000"
    assert groups.cpu_limit("head") == 0.25
    assert groups.quota("head", 0.1) == {folder / "cpu.max": "10000 100000"}
    (folder / "cpu.max").write_text("max 100000\n")
    assert groups.cpu_limit("head") is None
    assert (folder.parent / "cgroup.subtree_control").read_text() == "+cpu +memory"


def test_v2_without_a_subtree_of_ours_is_none_and_says_why(root: Path) -> None:
    own = "/user.slice/shell.scope"
    groups = detect("name", root, v2_tree(root, own, {"/": "memory", "/user.slice": "memory"}))
    assert groups.version is Version.NONE
    assert "cpu" in groups.reason


def test_without_any_hierarchy_nothing_is_done_and_nothing_fails(root: Path) -> None:
    groups = detect("name", root)
    assert groups.version is Version.NONE
    groups.create(["head"])
    groups.limit_cpu("head", 0.5)
    groups.prefer()
    assert groups.of("head") == ()
    assert groups.members("head") == []


def test_only_folders_of_the_owner_are_leftovers(root: Path) -> None:
    v1_tree(root)
    ours, other = folder_name("aaaa", "1"), folder_name("bbbb", "1")
    for name in (ours, other, "somebody-elses"):
        Cgroups(Version.V1, (root / "cpu", root / "memory"), name).create(["head"])
    assert leftovers("aaaa", root) == [root / "cpu" / ours, root / "memory" / ours]


def test_removing_takes_the_pods_folders_first(root: Path) -> None:
    v1_tree(root)
    groups = Cgroups(Version.V1, (root / "cpu",), "name")
    groups.create(["head", "replica-0"])
    assert remove(root / "cpu" / "name")
    assert not (root / "cpu" / "name").exists()


def test_a_folder_that_cannot_be_removed_is_reported(root: Path) -> None:
    v1_tree(root)
    groups = Cgroups(Version.V1, (root / "cpu",), "name")
    groups.create(["head"])
    (root / "cpu/name/head/file").write_text("keeps the folder")
    assert not remove(root / "cpu" / "name", timeout=0.1)


def test_usage_of_a_v1_pod(root: Path) -> None:
    groups = detect("name", v1_tree(root))
    groups.create(["head"])
    pod = {controller: root / controller / "name" / "head" for controller in ("cpu", "cpuacct", "memory")}
    (pod["cpu"] / "cpu.stat").write_text("nr_periods 10\nnr_throttled 4\nthrottled_time 2500000000\n")
    (pod["cpu"] / "cpu.cfs_period_us").write_text("100000\n")
    (pod["cpu"] / "cpu.cfs_quota_us").write_text("50000\n")
    (pod["cpuacct"] / "cpuacct.usage").write_text("3000000000\n")
    (pod["memory"] / "memory.usage_in_bytes").write_text("1000\n")
    (pod["memory"] / "memory.stat").write_text("total_inactive_file 400\n")
    (pod["cpu"] / "cgroup.procs").write_text("5\n6\n")
    usage = PodStats("head", 1, groups).usage()
    assert (usage.cpu_seconds, usage.throttled_seconds, usage.cpu_limit) == (3.0, 2.5, 0.5)
    assert (usage.periods, usage.throttled_periods) == (10, 4)
    assert (usage.memory_bytes, usage.process_count) == (600, 2)


def test_usage_of_a_v2_pod_without_a_limit(root: Path) -> None:
    groups = Cgroups(Version.V2, (root,), "name")
    folder = root / "name" / "head"
    folder.mkdir(parents=True)
    (folder / "cpu.stat").write_text("usage_usec 1500000\nnr_periods 0\nnr_throttled 0\nthrottled_usec 0\n")
    (folder / "cpu.max").write_text("max 100000\n")
    (folder / "memory.current").write_text("1000\n")
    (folder / "memory.stat").write_text("inactive_file 400\n")
    (folder / "cgroup.procs").write_text("5\n")
    usage = PodStats("head", 1, groups).usage()
    assert (usage.cpu_seconds, usage.cpu_limit, usage.memory_bytes, usage.process_count) == (1.5, None, 600, 1)


def test_a_pod_that_is_gone_has_no_figures(root: Path) -> None:
    usage = PodStats("head", 1, Cgroups(Version.V2, (root,), "name")).usage()
    assert usage.cpu_seconds is None
    assert usage.memory_bytes is None


def test_net_dev_leaves_loopback_out() -> None:
    text = """Inter-| Receive | Transmit
 face |bytes packets errs drop fifo frame compressed multicast|bytes packets errs drop fifo colls carrier
    lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0
  eth0: 100 2 0 3 0 0 0 0 200 4 0 5 0 0 0 0
broken: 1 2
"""
    links = parse_net_dev(text)
    assert set(links) == {"eth0"}
    traffic = links["eth0"]
    assert (traffic.received_bytes, traffic.received_packets, traffic.received_drops) == (100, 2, 3)
    assert (traffic.sent_bytes, traffic.sent_packets, traffic.sent_drops) == (200, 4, 5)
