# SPDX-License-Identifier: LGPL-2.1-or-later
"""The host's base image: a Debian of this machine's release with Xen, stock
QEMU and what a libvirt needs to run, but without a libvirt.

It holds, in one folder of the cache: disk.img (the root file system), xen and
vmlinuz (to boot them directly), kernel-release (the latter's version), libraries
(the names of the shared libraries on the disk)."""

import gzip
import os
import pathlib
import shutil

from . import apt
from .common import SOURCE_DIR, XenHostError, cached, call, digest, require

DISK_SIZE = "6G"

PACKAGES = """
    linux-image-amd64 systemd-sysv udev kmod login passwd
    xen-utils-common xenstore-utils qemu-system-xen qemu-utils seabios ipxe-qemu
    iproute2 iputils-ping iptables nftables procps pciutils strace
    openssh-server python3-minimal libxml2-utils
""".split()

# Documents are never read there, and drivers of hardware that the emulated
# machine hasn't got only make the disk larger.
EXCLUDED = """
    /usr/share/doc/* /usr/share/man/* /usr/share/locale/* /usr/share/info/*
    /usr/share/lintian/* /usr/share/bug/*
    */kernel/drivers/gpu/* */kernel/drivers/media/* */kernel/drivers/infiniband/*
    */kernel/drivers/net/wireless/* */kernel/drivers/staging/* */kernel/drivers/iio/*
    */kernel/drivers/bluetooth/* */kernel/drivers/isdn/* */kernel/drivers/hwmon/*
    */kernel/sound/soc/* */kernel/sound/usb/* */kernel/fs/xfs/* */kernel/fs/btrfs/*
""".split()

CUSTOMIZE = SOURCE_DIR / "host" / "customize"


def _packages():
    """Return all packages of the image, under their names in this release."""
    versioned = apt.depends("xen-system-amd64", r"xen-(hypervisor|utils)-")
    libraries = [name for package in ("libvirt0", "libvirt-clients", "libvirt-daemon-driver-xen")
                 for name in apt.depends(package, r"lib(?!virt)")]
    return sorted({*PACKAGES, *versioned, *libraries})


def _install(codename, packages, root, log, progress):
    """Install @packages of @codename into the new folder @root."""
    def told(line):
        # what takes mmdebstrap long
        if line.startswith(("I: downloading", "I: extracting", "I: installing")):
            progress(line[len("I: "):])

    command = ["mmdebstrap", "--mode=root", "--variant=essential", "--format=directory",
               "--aptopt=APT::Install-Recommends \"false\""]
    command += [f"--aptopt={option}" for option in apt.transport_options()]
    command += [f"--dpkgopt=path-exclude={pattern}" for pattern in EXCLUDED]
    command += [f"--include={','.join(packages)}", f"--customize-hook={CUSTOMIZE} \"$1\"",
                codename, str(root), *apt.sources(codename)]
    # Debian's kernel hooks make no initrd then: the host has one of its own.
    call(command, log=log, told=told, env={**os.environ, "INITRD": "No", "LC_ALL": "C.UTF-8",
                                           "TMPDIR": str(root.parent)})


def _one(folder, pattern):
    """Return the only file in @folder whose name is like @pattern."""
    found = [path for path in folder.glob(pattern) if not path.is_symlink()]
    if len(found) != 1:
        raise XenHostError(f"{len(found)} files named '{pattern}' in the host image's "
                           f"/{folder.name}, expected one")
    return found[0]


def _boot_files(root, folder):
    """Take out what is booted from outside the disk."""
    with gzip.open(_one(root / "boot", "xen-[0-9]*.gz")) as packed, \
         open(folder / "xen", "wb") as plain:
        shutil.copyfileobj(packed, plain)
    kernel = _one(root / "boot", "vmlinuz-*")
    shutil.copy(kernel, folder / "vmlinuz")
    (folder / "kernel-release").write_text(kernel.name.partition("-")[2], encoding="ascii")
    libraries = {path.name for path in (root / "usr/lib").rglob("*.so*")}
    (folder / "libraries").write_text("\n".join(sorted(libraries)) + "\n", encoding="utf-8")


def _build(folder, codename, packages, progress):
    if os.geteuid() != 0:
        raise XenHostError("building the host image installs packages into a folder: run it as root")
    for program, package in (("mmdebstrap", "mmdebstrap"), ("mke2fs", "e2fsprogs")):
        require(program, package)
    progress(f"installing {len(packages)} packages of Debian '{codename}' and what they need "
             "for the host image (done once)")
    root = folder / "root"
    log = folder / "log"
    _install(codename, packages, root, log, progress)
    progress("making the host image's disk")
    _boot_files(root, folder)
    # No journal: each run throws its changes away.
    call(["mke2fs", "-q", "-F", "-t", "ext4", "-O", "^has_journal", "-d", str(root),
          str(folder / "disk.img"), DISK_SIZE], log=log)
    shutil.rmtree(root)


def ensure(progress):
    """Return the folder of the base image; build it if it isn't there."""
    codename = apt.release()
    packages = _packages()
    key = digest(codename, *packages, CUSTOMIZE, pathlib.Path(__file__))
    return cached(f"host-{codename}-{key}",
                  lambda folder: _build(folder, codename, packages, progress), progress)
