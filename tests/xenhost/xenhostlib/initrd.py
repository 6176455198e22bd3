# SPDX-License-Identifier: LGPL-2.1-or-later
"""Initrds made of busybox, an /init and the kernel modules that it needs.

Two are made: dom0's own, which is smaller and boots faster than the
distribution's, and that of the guest."""

import gzip
import lzma
import pathlib
import stat
import tempfile

from .common import SOURCE_DIR, XenHostError, cached, call, digest, require

BUSYBOX = pathlib.Path("/bin/busybox")

HOST_INIT = SOURCE_DIR / "host" / "init"
# crc32c is asked for by name, so it is not among ext4's dependencies.
HOST_MODULES = ["crc32c_generic", "virtio_pci", "virtio_blk", "ext4"]

GUEST_INIT = SOURCE_DIR / "guest" / "init"
GUEST_UNMUTE = SOURCE_DIR / "guest" / "unmute.c"
GUEST_MODULES = """
    8139cp 8139too ata_piix ata_generic sd_mod e1000 e1000e pcnet32 ne2k_pci virtio_pci virtio_net virtio_blk sr_mod xen_blkfront xen_netfront
    snd_intel8x0 snd_hda_intel snd_hda_codec_generic snd_ens1370 snd_pcm_oss snd_mixer_oss
    evdev
""".split()

DIRECTORIES = "bin dev proc sys root libvirt lib lib/modules sbin tmp etc".split()

DIRECTORY = stat.S_IFDIR | 0o755
PLAIN_FILE = stat.S_IFREG | 0o644
PROGRAM = stat.S_IFREG | 0o755
SYMLINK = stat.S_IFLNK | 0o777
CONSOLE = stat.S_IFCHR | 0o600


class Archive:
    """A cpio archive in the "newc" form that Linux unpacks at boot."""

    def __init__(self):
        self.parts = []
        self.count = 0

    def add(self, name, mode, data=b"", device=(0, 0)):
        """Append what the type bits of @mode say: a file, folder, symlink or device."""
        self.count += 1
        path = name.encode() + b"\0"
        fields = (self.count, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(path), 0)
        self._padded(b"070701" + b"".join(b"%08X" % field for field in fields) + path)
        self._padded(data)

    def _padded(self, data):
        self.parts.append(data + b"\0" * (-len(data) % 4))

    def write(self, path):
        """End the archive and write it to @path, compressed."""
        self.add("TRAILER!!!", 0)
        path.write_bytes(gzip.compress(b"".join(self.parts), compresslevel=6, mtime=0))


class Modules:
    """The kernel modules on the base image's disk, read without mounting it."""

    def __init__(self, image, folder):
        self.disk = image / "disk.img"
        self.folder = folder
        self.base = "/usr/lib/modules/" + (image / "kernel-release").read_text(encoding="ascii")
        self._dump(["modules.dep", "modules.alias", "modules.builtin"])
        self.depends = {}
        for line in self._index("modules.dep"):
            path, _, needs = line.partition(":")
            self.depends[path] = needs.split()

    def _index(self, name):
        return (self.folder / name).read_text(encoding="utf-8").splitlines()

    def _dump(self, paths):
        """Copy files of the disk's modules folder to the working folder."""
        script = self.folder / "debugfs"
        script.write_text("".join(f'dump "{self.base}/{path}" "{self.folder}/{pathlib.Path(path).name}"\n'
                                  for path in paths), encoding="utf-8")
        call(["debugfs", "-f", str(script), str(self.disk)])

    def closure(self, names):
        """Return the paths of the modules @names and of all that they need.

        What the kernel has built in has no path."""
        built_in = {module_name(path) for path in self._index("modules.builtin")}
        by_name = {module_name(path): path for path in self.depends}
        paths = {}
        for name in names:
            if name in by_name:
                paths.update(dict.fromkeys([by_name[name], *self.depends[by_name[name]]]))
            elif name not in built_in:
                raise XenHostError(f"the kernel on the host image has no module '{name}'")
        return list(paths)

    def add_to(self, archive, release, names):
        """Put the modules @names, with all they need, into @archive.

        They lie there uncompressed, with the indexes by which modprobe finds
        them, cut to what is there."""
        paths = self.closure(names)
        self._dump(paths)
        folder = f"lib/modules/{release}"
        archive.add(folder, DIRECTORY)
        for path in paths:
            archive.add(f"{folder}/{module_name(path)}.ko", PLAIN_FILE,
                        unpacked(self.folder / pathlib.Path(path).name))
        dep = "".join(f"{module_name(path)}.ko:"
                      + "".join(f" {module_name(need)}.ko" for need in self.depends[path]) + "\n"
                      for path in paths)
        archive.add(f"{folder}/modules.dep", PLAIN_FILE, dep.encode())
        present = {module_name(path) for path in paths}
        alias = "".join(line + "\n" for line in self._index("modules.alias")
                        if line.split()[-1].replace("-", "_") in present)
        archive.add(f"{folder}/modules.alias", PLAIN_FILE, alias.encode())


def module_name(path):
    """Return the name of the module in the file @path, as Linux writes it."""
    return pathlib.Path(path).name.partition(".ko")[0].replace("-", "_")


def unpacked(path):
    """Return a module file's content; newer releases compress them."""
    data = path.read_bytes()
    return lzma.decompress(data) if path.suffix == ".xz" else data


def compiled(source, folder):
    """Return the program that @source, a C file that needs no library, is."""
    require("gcc", "gcc")
    program = folder / "program"
    call(["gcc", "-Os", "-Wall", "-Werror", "-static", "-nostdlib", "-ffreestanding", "-s",
          "-fno-stack-protector", "-o", str(program), str(source)])
    return program.read_bytes()


def _build(folder, image, init, programs, names):
    for program, package in (("debugfs", "e2fsprogs"), (str(BUSYBOX), "busybox-static")):
        require(program, package)
    archive = Archive()
    for name in DIRECTORIES:
        archive.add(name, DIRECTORY)
    archive.add("dev/console", CONSOLE, device=(5, 1))
    archive.add("bin/busybox", PROGRAM, BUSYBOX.read_bytes())
    archive.add("init", PROGRAM, init.read_bytes())
    archive.add("sbin/modprobe", SYMLINK, b"/bin/busybox")
    archive.add("modules", PLAIN_FILE, " ".join(names).encode())
    with tempfile.TemporaryDirectory(dir=folder) as work:
        modules = Modules(image, pathlib.Path(work))
        modules.add_to(archive, pathlib.Path(modules.base).name, names)
        for name, source in programs.items():
            archive.add(f"bin/{name}", PROGRAM, compiled(source, pathlib.Path(work)))
    archive.write(folder / "initrd.gz")


def _ensure(image, kind, init, programs, names, progress):
    key = digest(image.name, init, *programs.values(), *names, BUSYBOX, pathlib.Path(__file__))
    folder = cached(f"initrd-{kind}-{key}",
                    lambda folder: _build(folder, image, init, programs, names), progress)
    return folder / "initrd.gz"


def ensure_host(image, progress):
    """Return dom0's initrd for the base image in the folder @image."""
    return _ensure(image, "host", HOST_INIT, {}, HOST_MODULES, progress)


def ensure_guest(image, progress):
    """Return the guest's initrd for the kernel of the base image @image, with the
    modules that any test needs."""
    return _ensure(image, "guest", GUEST_INIT, {"unmute": GUEST_UNMUTE}, GUEST_MODULES, progress)
