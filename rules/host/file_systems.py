"""On which file systems a database with a log beside it is safe: those of this machine's kernel."""

from __future__ import annotations

NETWORK = frozenset({"afs", "ceph", "cifs", "lustre", "ncpfs", "nfs", "nfs4", "smb3", "smbfs"})
HOST = frozenset({"9p", "drvfs", "fakeowner", "prl_fs", "vboxsf", "virtiofs", "vmhgfs"})
"""Folders of the host in a virtual machine: WSL, Docker Desktop, Parallels, VirtualBox, VMware."""
FUSE = "fuse"
"""With it begin the names of all file systems that are programs: fuse, fuseblk, fuse.sshfs."""
ITS_CONTROL = "fusectl"


def shared_flaw(kind: str | None) -> str | None:
    """Why SQLite's log and locks are not safe on such a file system; None if they are."""
    if kind in NETWORK:
        return "over the network"
    if kind in HOST:
        return "of the host of this virtual machine"
    if kind is not None and kind.startswith(FUSE) and kind != ITS_CONTROL:
        return "that is a program (FUSE)"
    return None
