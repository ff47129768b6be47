"""Where a database may be: one file, one lock, one log."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rules.host.file_systems import shared_flaw
from storage.engine.errors import StorageError
from storage.engine.mounts import Mount, mount_of, mounts
from storage.engine.place import alias_flaw, identity_of, refuse_unsafe_place

ROOT = Mount(place=Path("/"), kind="ext4")


def test_all_symbolic_links_lead_to_one_identity(tmp_path: Path) -> None:
    real, link = tmp_path / "real.db", tmp_path / "link.db"
    assert identity_of(real) is None
    real.touch()
    link.symlink_to("real.db")
    assert identity_of(link) == identity_of(real) == f"{real.stat().st_dev}:{real.stat().st_ino}"
    assert alias_flaw(link) is None


def test_a_second_hard_link_is_refused_by_each_path(tmp_path: Path) -> None:
    first, second = tmp_path / "first.db", tmp_path / "second.db"
    first.touch()
    refuse_unsafe_place(first, [ROOT])
    os.link(first, second)
    for path in (first, second):
        with pytest.raises(StorageError, match="2 hard links"):
            refuse_unsafe_place(path, [ROOT])


def test_a_file_that_is_a_mount_point_is_refused(tmp_path: Path) -> None:
    path, link = tmp_path / "testio.db", tmp_path / "link.db"
    path.touch()
    link.symlink_to(path)
    table = [ROOT, Mount(place=path, kind="ext4")]
    for each in (path, link):
        with pytest.raises(StorageError, match=r"itself a mount point.*mount the folder"):
            refuse_unsafe_place(each, table)
    refuse_unsafe_place(path, [ROOT, Mount(place=tmp_path, kind="ext4")])


@pytest.mark.parametrize(
    "kind",
    [
        *("nfs4", "cifs", "fuse", "fuse.sshfs", "fuseblk", "fuse.vmhgfs-fuse", "fuse.grpcfuse"),
        *("virtiofs", "9p", "vboxsf", "prl_fs", "vmhgfs", "fakeowner", "drvfs"),
    ],
)
def test_network_fuse_and_host_file_systems_are_refused(tmp_path: Path, kind: str) -> None:
    with pytest.raises(StorageError, match=f"{kind}.*local disk"):
        refuse_unsafe_place(tmp_path / "a" / "new.db", [ROOT, Mount(place=tmp_path, kind=kind)])


@pytest.mark.parametrize(
    "kind", ["ext4", "xfs", "btrfs", "overlay", "tmpfs", "zfs", "fusectl", None]
)
def test_local_file_systems_are_taken(kind: str | None) -> None:
    assert shared_flaw(kind) is None


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("nfs", "over the network"),
        ("9p", "of the host of this virtual machine"),
        ("fuse.sshfs", "that is a program (FUSE)"),
    ],
)
def test_a_file_system_that_is_refused_is_told_by_what_it_is(kind: str, why: str) -> None:
    assert shared_flaw(kind) == why


def test_the_innermost_and_latest_mount_counts() -> None:
    over = Mount(place=Path("/data"), kind="nfs")
    later = Mount(place=Path("/data"), kind="xfs")
    assert mount_of(Path("/data/mirror"), [ROOT, over]) == over
    assert mount_of(Path("/data/mirror"), [ROOT, over, later]) == later
    assert mount_of(Path("/database"), [ROOT, over]) == ROOT
    assert mount_of(Path("/"), []) is None


def test_the_table_of_the_kernel_is_read_with_its_escapes(tmp_path: Path) -> None:
    table = tmp_path / "mountinfo"
    table.write_bytes(
        b"27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"
        b"30 27 0:5 / /mnt/a\\040b\\134c rw shared:1 master:2 - fuse.sshfs me@host: rw\n"
        b"31 27 0:6 / /mnt/\xc3\xa9t\xe9 rw - xfs /dev/b rw\n"
        b"nonsense\n"
    )
    assert mounts(table) == (
        ROOT,
        Mount(place=Path("/mnt/a b\\c"), kind="fuse.sshfs"),
        Mount(place=Path(os.fsdecode(b"/mnt/\xc3\xa9t\xe9")), kind="xfs"),
    )
    assert mounts(tmp_path / "missing") == ()
    assert any(mount.place == Path("/") for mount in mounts()) or not Path("/proc").exists()
