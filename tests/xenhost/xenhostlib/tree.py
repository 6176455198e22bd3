# SPDX-License-Identifier: LGPL-2.1-or-later
"""The second disk: an installed libvirt and what belongs to one run, copied
over the base image's files before systemd starts."""

import hashlib
import os
import pathlib
import re
import shutil
import subprocess

from . import preload
from .common import PROGRAMS, SOURCE_DIR, XenHostError, call, require
from .domain import INITRD, PRELOADED

# Not read on the host. Half of the tree's size.
LEFT_OUT = ("usr/include", "usr/share/doc", "usr/share/man", "usr/share/locale", "usr/local/share/locale",
            "usr/share/gtk-doc")

# Debian has merged these into /usr: a real folder can't be copied over the link.
MERGED = ("bin", "sbin", "lib", "lib64")

UNITS = {"multi-user.target": ["libvirtd.service"],
         "sockets.target": ["libvirtd.socket", "libvirtd-ro.socket", "libvirtd-admin.socket",
                            "virtlogd.socket", "virtlockd.socket"]}

# What a daemon that was built with ThreadSanitizer is to leave out, and where it
# reports the rest.
THREADS = SOURCE_DIR / "threads.suppressions"
RACES = "/var/log/libvirt/races"

# The base image's systemd may be older than the service's Type. The daemon must
# not leave by itself: the guests' and its own logs are of one process then.
DAEMON_DROP_IN = """\
[Unit]
After=xen.service xenhost-net.service
[Service]
Type=notify
Environment=LIBVIRTD_ARGS=
"""

# glib's slices go from one thread to the other behind glib's locks, which
# ThreadSanitizer does not see.
THREADS_DROP_IN = f"""\
[Service]
Environment=TSAN_OPTIONS=log_path={RACES}:suppressions=/etc/libvirt/{THREADS.name}
Environment=G_SLICE=always-malloc
"""

# Of the daemon alone it is of interest.
THREADS_SSHD_CONF = "SetEnv TSAN_OPTIONS=report_bugs=0\n"

# There is no polkit, and only root logs in. The log says what the driver does, and the
# secondaries' logs what the scope library decides; libxl's messages are not logged a
# second time, since that takes as long as what they tell of.
DAEMON_CONF = """
auth_unix_ro = "none"
auth_unix_rw = "none"
log_filters = "1:libxl.libxl_d 1:conf.domain_devicemodel 3:event 3:util.object"
log_outputs = "2:journald 1:file:/var/log/libvirt/libvirtd.log"
"""

# For how long a guest waits for another process here: to start one and to tell it all takes four
# seconds where nothing else happens.
HOLD_TIME = 15
HOLD_KEY = "device_model_hold_time"


def _files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_symlink() or path.is_file())


def content_hash(destdir):
    """Return a hash of what is in @destdir."""
    total = hashlib.sha256()
    for path in _files(destdir):
        total.update(str(path.relative_to(destdir)).encode() + b"\0")
        data = os.readlink(path).encode() if path.is_symlink() else path.read_bytes()
        total.update(hashlib.sha256(data).digest())
    return total.hexdigest()


def check(destdir):
    """Raise an error unless there is an installed libvirt in @destdir."""
    for name in ("usr/sbin/libvirtd", "usr/bin/virsh"):
        if not (destdir / name).is_file():
            raise XenHostError(f"'{destdir}' has no '{name}': give a folder into which "
                               "'DESTDIR=… meson install' has put a libvirt for the prefix /usr")


def _copy(destdir, tree):
    skipped = {destdir / name for name in LEFT_OUT}

    def ignore(folder, names):
        return [name for name in names
                if pathlib.Path(folder) / name in skipped or name.endswith((".a", ".la"))]

    shutil.copytree(destdir, tree, symlinks=True, ignore=ignore, dirs_exist_ok=True)
    for name in MERGED:
        if (tree / name).is_dir() and not (tree / name).is_symlink():
            shutil.copytree(tree / name, tree / "usr" / name, symlinks=True, dirs_exist_ok=True)
            shutil.rmtree(tree / name)


def _is_elf(path):
    if path.is_symlink():
        return False
    with open(path, "rb") as handle:
        return handle.read(4) == b"\x7fELF"


def _reports_races(programs):
    return any(path.name == "libvirtd" and b"libtsan" in path.read_bytes() for path in programs)


def _strip(programs):
    """Leave debugging data out: most of what would have to be copied.

    ThreadSanitizer needs it to name what it found."""
    if shutil.which("strip") and not _reports_races(programs):
        call(["strip", "--strip-debug", *map(str, programs)])


def _add_libraries(tree, programs, present):
    """Put into @tree the libraries that @programs need and the host lacks.

    They are this machine's own: the programs were linked against them, and
    the host is of the same release."""
    own = {path.name for path in _files(tree) if ".so" in path.name}
    folders = {str(path.parent) for path in _files(tree) if ".so" in path.name}
    environment = {**os.environ, "LD_LIBRARY_PATH": ":".join(sorted(folders))}
    found = subprocess.run(["ldd", *map(str, programs)], capture_output=True, text=True,
                           check=False, env=environment).stdout
    missing = set(re.findall(r"^\s+(\S+) => not found", found, re.MULTILINE)) - own - present
    if missing:
        raise XenHostError(f"this libvirt needs {', '.join(sorted(missing))}, "
                           "which neither it nor this machine has")
    target = tree / "usr/local/lib"
    target.mkdir(parents=True, exist_ok=True)
    for name, path in re.findall(r"^\s+(\S+) => (/\S+)", found, re.MULTILINE):
        if name not in own | present:
            shutil.copy(path, target / name)
    (tree / "etc/ld.so.conf.d").mkdir(parents=True, exist_ok=True)
    (tree / "etc/ld.so.conf.d/xenhost.conf").write_text(
        "".join("/" + os.path.relpath(folder, tree) + "\n" for folder in sorted(folders)),
        encoding="utf-8")


def pack_programs(destdir, archive):
    """Pack what is run of the libvirt in @destdir, as make_disk() puts it on a
    host, into the tar file @archive."""
    folder = archive.with_suffix(".tree")
    _copy(destdir, folder)
    for path in _files(folder):
        if not path.exists() or not _is_elf(path.resolve()):
            path.unlink()
    _strip([path for path in _files(folder) if not path.is_symlink()])
    call(["tar", "-C", str(folder), "--owner=0", "--group=0", "-cf", str(archive), "usr"])
    shutil.rmtree(folder)


def _configure(tree):
    """Have systemd start the daemon, and the daemon let root in and hold guests long enough."""
    units = tree / "etc/systemd/system"
    for target, names in UNITS.items():
        (units / f"{target}.wants").mkdir(parents=True, exist_ok=True)
        for name in names:
            (units / f"{target}.wants" / name).symlink_to(f"/usr/lib/systemd/system/{name}")
    drop_in = units / "libvirtd.service.d"
    drop_in.mkdir()
    (drop_in / "xenhost.conf").write_text(DAEMON_DROP_IN, encoding="utf-8")
    conf = tree / "etc/libvirt/libvirtd.conf"
    with open(conf, "a", encoding="utf-8") as handle:
        handle.write(DAEMON_CONF)
    with open(tree / "etc/libvirt/libxl.conf", "a", encoding="utf-8") as handle:
        handle.write(f"\n{HOLD_KEY} = {HOLD_TIME}\n")
    # It would need dnsmasq, which isn't there.
    (tree / "etc/libvirt/qemu/networks/autostart/default.xml").unlink(missing_ok=True)


def _configure_threads(tree):
    """Tell the daemon, and no other program, to report data races."""
    drop_in = tree / "etc/systemd/system/libvirtd.service.d/threads.conf"
    drop_in.write_text(THREADS_DROP_IN, encoding="utf-8")
    shutil.copy(THREADS, tree / "etc/libvirt")
    sshd = tree / "etc/ssh/sshd_config.d"
    sshd.mkdir(parents=True)
    (sshd / "threads.conf").write_text(THREADS_SSHD_CONF, encoding="ascii")


def _add_programs(tree):
    """Put into @tree what is run on the host and not part of it."""
    folder = tree / PROGRAMS.lstrip("/")
    folder.mkdir(parents=True)
    for pattern in ("*.sh", "*.py", "bad-emulator"):
        for path in (SOURCE_DIR / "host").glob(pattern):
            shutil.copy(path, folder)


def _accept_cpu(tree):
    """Let libvirt accept the emulated CPU.

    QEMU's software emulation has no VME, which every x86 CPU model of libvirt's
    builds on. Without a model the libxl driver doesn't start."""
    model = tree / "usr/share/libvirt/cpu_map/x86_486.xml"
    text = model.read_text(encoding="utf-8")
    model.write_text(re.sub(r".*'vme'.*\n", "", text), encoding="utf-8")


def make_disk(folder, destdir, image, initrd, public_key):
    """Make the disk libvirt.img in @folder from the libvirt in @destdir.

    @image is the base image's folder, @initrd the guest's, @public_key a file
    with the ssh key that may log in."""
    require("mke2fs", "e2fsprogs")
    tree = folder / "tree"
    try:
        _copy(destdir, tree)
        programs = [path for path in _files(tree) if _is_elf(path)]
        _strip(programs)
        present = set((image / "libraries").read_text(encoding="utf-8").split())
        _add_libraries(tree, programs, present)
        _configure(tree)
        if _reports_races(programs):
            _configure_threads(tree)
        _accept_cpu(tree)
        _add_programs(tree)
        (tree / "var/lib/xenhost").mkdir(parents=True)
        shutil.copy(initrd, tree / INITRD.lstrip("/"))
        preload.make(image / "vmlinuz", initrd, tree / PRELOADED.lstrip("/"), PRELOADED)
        (tree / "root/.ssh").mkdir(parents=True, mode=0o700)
        (tree / "root").chmod(0o700)
        shutil.copy(public_key, tree / "root/.ssh/authorized_keys")
        size = sum(path.lstat().st_size for path in _files(tree)) // 2**20
        call(["mke2fs", "-q", "-F", "-t", "ext4", "-O", "^has_journal", "-E", "root_owner=0:0",
              "-d", str(tree), str(folder / "libvirt.img"), f"{size * 3 // 2 + 16}M"])
    finally:
        shutil.rmtree(tree, ignore_errors=True)
