# SPDX-License-Identifier: LGPL-2.1-or-later
"""Guests whose disks, serial ports and sound are served by secondaries."""

import array
import hashlib
import pathlib
import tempfile

from xenhostlib import Domain
from xenhostlib.common import PROGRAMS
from xenhostlib.domain import devicemodel, disk, domain_xml, nic, openers

from .common import (DISPLAY, FIRST, LAST, MAIN, expect, expect_words, running, scenario,
                     secondaries, wait_for)

TERMINAL = f"<serial type='pty'/>{DISPLAY}"
LOWER = """
      <backingStore type='file'>
        <format type='raw'/>
        <source file='/root/ide-b.base'/>
        <backingStore/>
      </backingStore>"""


def image(host, path, text, mib=4):
    """Make a raw image on the host that begins with @text; return the sum that
    the guest would tell of it."""
    start = text.encode().ljust(65536, b"\0")
    host.run(f"cat > {path} && truncate -s {mib}M {path}", input=start.decode())
    return hashlib.sha256(start).hexdigest()


def pid_of(host, name):
    """Return the pid of the secondary with that name."""
    [pid] = [pid for pid, line in secondaries(host).items() if f"/{name} " in line]
    return pid


@scenario(seconds=130, turn=FIRST)
def ide_disks(host):
    """A secondary with all IDE disks: formats, a chain, a cdrom that is changed."""
    # Linux does not name them in their order
    sums = {image(host, f"/root/ide-{name}", f"DMTEST-RW {name}")
            for name in ("a.img", "b.base", "d.raw")}
    first = image(host, "/root/ide-c.iso", "first medium")
    other = image(host, "/root/ide-c2.iso", "second medium")
    host.run("cd /root && truncate -s 4M ide-xvde.raw ide-xvdf.raw && "
             "qemu-img create -q -f qcow2 -b ide-b.base -F raw ide-b.qcow2 && "
             "qemu-img convert -O vpc ide-d.raw ide-d.vhd")
    devices = (MAIN + devicemodel("disk", capabilities=["ide"]) +
               devicemodel("port", capabilities=["serial"]) +
               pv_disk("xvdf") + disk("hda", "/root/ide-a.img") +
               disk("hdb", "/root/ide-b.qcow2", "qcow2", inner=LOWER) +
               disk("hdc", "/root/ide-c.iso", device="cdrom") +
               disk("hdd", "/root/ide-d.vhd", "vhd"))
    xml = domain_xml("ide", devices, serial=TERMINAL)
    try:
        unnamed_image_refused(host, xml.replace(LOWER, ""))
        with running(host, "ide", xml) as domain:
            domain.listen()
            found = {entry["sha256"]: entry for entry in domain.report()["DISK"]}
            expect(set(found) == sums | {first}, f"the content of the images: {found}")
            for checksum, entry in found.items():
                expect(entry["slot"] == "0000:00:01.1", f"a disk of the IDE function: {entry}")
                expect(entry["rw"] == ("-" if checksum == first else "ok"),
                       f"the disk written and read back: {entry}")
            expect_words(host.run("head -c 600 /root/ide-a.img | tail -c 88").stdout, "DMTEST sd")
            expect_words(host.run("qemu-img map --force-share /root/ide-b.qcow2").stdout, "/root/ide-b.qcow2")
            expect(host.run("head -c 600 /root/ide-b.base | tail -c 80 | tr -d '\\0'").stdout == "",
                   "the lower image of the chain unchanged")
            expect_openers(host)
            image_in_use_refused(host)
            expect_words(domain.virsh("domblklist ide").stdout, "hda", "/root/ide-a.img",
                         "hdc", "/root/ide-c.iso")
            expect_words(domain.virsh("domblkinfo ide hdb").stdout, "4194304")
            change_media(host, domain, first, other)
    finally:
        host.run("rm -f /root/ide-*")


def unnamed_image_refused(host, xml):
    """Fail unless an image that only another image names is refused."""
    domain = Domain(host, "ide")
    created = "cat /var/log/libvirt/libxl/ide.log | wc -c"
    try:
        domain.define(xml)
        before = host.run(created).stdout
        refused = domain.start(check=False)
        expect(refused.returncode != 0, "a chain that the definition does not name to be refused")
        expect_words(refused.stderr, "'disk'", "/root/ide-b.qcow2", "ide-b.base", "<backingStore>",
                     "qemu-img info --backing-chain /root/ide-b.qcow2 shows")
        expect(host.run(created).stdout == before, "no domain that libxl has created for it")
    finally:
        domain.remove()


def image_in_use_refused(host):
    """Fail unless another guest is refused the image of a running one, by its name."""
    other = Domain(host, "other")
    devices = (MAIN + devicemodel("disk", capabilities=["ide"]) +
               disk("hda", "/root/ide-c2.iso") + disk("hdb", "/root/ide-b.base"))
    try:
        other.define(domain_xml("other", devices))
        refused = other.start(check=False)
        expect(refused.returncode != 0, "a lower image of another guest to be refused")
        expect_words(refused.stderr, "'disk'", "'/root/ide-b.base'", "'hdb'", "in use")
    finally:
        other.remove()


def expect_openers(host):
    """Fail unless each image is open in the secondary alone."""
    pid = pid_of(host, "disk")
    for path in ("ide-a.img", "ide-b.qcow2", "ide-b.base", "ide-c.iso", "ide-d.vhd"):
        expect(openers(host, f"/root/{path}") == [pid],
               f"{path} open in {pid} only: {openers(host, f'/root/{path}')}")


def pv_disk(name):
    """Return the XML of a disk of the primary, of which the guest makes nothing."""
    return (f"<disk type='file' device='disk'><source file='/root/ide-{name}.raw'/>"
            f"<target dev='{name}' bus='xen'/></disk>")


def change_media(host, domain, first, second):
    """Change the medium, leave the drive empty, and fill it after the daemon's restart."""
    host.run("cat > /root/ide-xvde.xml", input=pv_disk("xvde"))
    domain.virsh("attach-device ide /root/ide-xvde.xml --live")
    domain.virsh("change-media ide hdc /root/ide-c2.iso --update --live")
    expect_words(domain.ask("disk sr0"), second)
    expect_words(domain.virsh("domblklist ide").stdout, "/root/ide-c2.iso")
    expect(openers(host, "/root/ide-c.iso") == [], "the first medium open nowhere")
    refused = domain.virsh("change-media ide hdc /root/ide-none.iso --update --live", check=False)
    expect_words(refused.stderr, "disk", "/root/ide-none.iso", "No such file")
    expect_words(domain.ask("disk sr0"), second)
    domain.virsh("change-media ide hdc --eject --live")
    expect_words(domain.ask("disk sr0"), "sha256=failed")
    expect(openers(host, "/root/ide-c2.iso") == [], "the second medium open nowhere")
    host.run("systemctl restart libvirtd")
    domain.virsh("change-media ide hdc /root/ide-c.iso --insert --live")
    expect_words(domain.ask("disk sr0"), first)


# Not in the order of their numbers, which say which of the guest's each is.
SERIALS = DISPLAY + """
    <serial type='tcp'>
      <source mode='bind' host='127.0.0.1' service='4555'/><protocol type='raw'/>
      <target port='3'/>
    </serial>
    <serial type='file'><source path='/root/serial.log' append='on'/><target port='1'/></serial>
    <serial type='pty'><target port='0'/></serial>
    <serial type='unix'>
      <source mode='bind' path='/root/serial.sock'/><target port='2'/>
    </serial>"""


@scenario(seconds=100, turn=FIRST)
def serial_ports(host):
    """Four serial ports in a secondary, by their numbers: a terminal, a file, two sockets."""
    devices = MAIN + devicemodel("port", capabilities=["serial"])
    host.run("echo before > /root/serial.log")
    try:
        with running(host, "ports", domain_xml("ports", devices, serial=SERIALS)) as domain:
            domain.listen()
            report = domain.report()
            expect([entry["name"] for entry in report["SERIAL"]] ==
                   ["ttyS0", "ttyS1", "ttyS2", "ttyS3"], f"four ports: {report['SERIAL']}")
            live = domain.xml().find(".//serial[@type='pty']/source").get("path")
            expect(live == domain.tty() and live.startswith("/dev/pts/"),
                   f"the terminal in the live XML: {live}, {domain.tty()}")
            domain.ask("say ttyS1 to-the-file")
            wait_for(lambda: host.run("cat /root/serial.log").stdout.replace("\r", "").split() ==
                     ["before", "to-the-file"], "what the guest said at the end of the file", 30)
            expect(openers(host, "/root/serial.log") == host.run("pgrep -x virtlogd").stdout.split(),
                   "a file that is appended to open in virtlogd alone")
            talk(host, domain)
            console(host, domain)
            lost_terminal(host, domain)
        left = host.run("ls /root/serial.sock", check=False)
        expect(left.returncode != 0, "the socket gone with the domain")
    finally:
        host.run("rm -f /root/serial.*")


def talk(host, domain):
    """Hear the guest on both sockets, and let it hear us."""
    host.run("systemd-run --quiet --collect "
             f"sh -c '{PROGRAMS}/hear.py /root/serial.sock > /root/serial.heard'")
    wait_for(lambda: host.run("ss -x state established | grep serial.sock", check=False).stdout,
             "a client of the socket", 30)
    domain.ask("say ttyS2 to-the-socket")
    wait_for(lambda: "to-the-socket" in host.run("cat /root/serial.heard").stdout,
             "what the guest said on the socket", 30)
    host.run("systemd-run --quiet --collect bash -c "
             "'exec 3<>/dev/tcp/127.0.0.1/4555; for i in {1..30}; do sleep 2; echo from-outside >&3; done'")
    # a guest that opens a port loses the beginning of what comes at that moment
    wait_for(lambda: "from-outside" in domain.ask("hear ttyS3"), "what was said from outside", 60)


def console(host, domain):
    """Use virsh console, before and after a restart of the daemon."""
    # a terminal gives what it has to one reader
    host.run(f"pkill -f '[c]at {domain.tty()}'")
    for _ in range(2):
        # ends with the escape character
        text = host.run("(sleep 10; echo disk none; sleep 15; printf '\\035'; sleep 1) | "
                        f"timeout 90 script -qec 'virsh console {domain.name} --force' /dev/null",
                        check=False).stdout
        expect_words(text, "Connected to domain", "ANSWER disk none")
        host.run("systemctl restart libvirtd")


def lost_terminal(host, domain):
    """No console on a terminal that is somebody else's, once the secondary is gone."""
    path = domain.tty()
    [pid] = secondaries(host)
    host.run(f"kill -9 {pid}")
    host.run(f"systemd-run --quiet --collect --unit=terminals {PROGRAMS}/terminals.py")
    try:
        wait_for(lambda: host.run(f"test -e {path}", check=False).returncode == 0,
                 "somebody else on the terminal", 30)
        text = host.run(f"timeout 20 script -qec 'virsh console {domain.name} --force' /dev/null",
                        check=False).stdout
        expect_words(text, "device model 'port' has no terminal")
    finally:
        host.run("systemctl stop terminals")


def loudness(samples):
    """Return the least and the greatest of the samples in a WAV file."""
    values = array.array("h")
    values.frombytes(samples[44:44 + (len(samples) - 44) // 2 * 2])
    return (min(values), max(values)) if values else (0, 0)


@scenario(seconds=160)
def sound_models(host):
    """Every sound device in a secondary; what the guest plays is in a file."""
    for model, driver in (("ich6", "snd_hda_intel"), ("ac97", "snd_intel8x0"),
                          ("es1370", "snd_ens1370")):
        devices = (MAIN + devicemodel("sound", capabilities=["audio"]) +
                   f"<sound model='{model}'><audio id='1'/></sound>"
                   "<audio id='1' type='file' path='/root/sound.wav'/>")
        with running(host, "tune", domain_xml("tune", devices, serial=TERMINAL)) as domain:
            domain.listen()
            report = domain.report()
            expect([entry["driver"] for entry in report["SOUND"]] == [driver],
                   f"{driver} for a card: {report['SOUND']}")
            expect(domain.ask("play") == "ok", f"the guest to play on {model}")
            with tempfile.TemporaryDirectory() as folder:
                path = pathlib.Path(folder) / "sound.wav"
                host.copy_from("/root/sound.wav", path)
                least, greatest = loudness(path.read_bytes())
            expect(least < -1000 and greatest > 1000,
                   f"a loud wave from {model}: {least} to {greatest}")
        host.run("rm -f /root/sound.wav")


def pointed(domain):
    """Return where the guest says that its pointer was moved to, each time."""
    lines = domain.console().replace("\r", "").split("\n")
    return [line.split()[1:] for line in lines if line.startswith("POINTED ")]


def point(host, domain, x, y):
    """Move the pointer of the display there; return where the guest says that it is now."""
    display = domain.virsh(f"vncdisplay {domain.name}").stdout.strip()
    before = len(pointed(domain))
    host.script("point.py", str(5900 + int(display.rpartition(":")[2])), "5", "5", str(x), str(y))
    domain.wait(lambda: len(pointed(domain)) > before, "a word about its pointer", 240)
    words = pointed(domain)[before]
    expect("-" not in words, f"an absolute movement in the guest: {words}")
    return map(int, words)


@scenario(seconds=110)
def pv_pointer(host):
    """A guest without a USB controller has an absolute pointer, whose events are the display's,
    while it uses a NIC of a secondary."""
    devices = MAIN + devicemodel("lan", [1]) + DISPLAY + nic(1)
    with running(host, "point", domain_xml("point", devices, cmdline="quiet dmtest.after=pointer")) as domain:
        report = domain.report()
        expect(not [entry for entry in report["PCI"] if entry["class"].startswith("0x0c03")],
               f"no USB controller: {report['PCI']}")
        [entry] = report["NIC"]
        expect(report["REACH"][entry["name"]][0] > 0, f"pings: {report['REACH']}")
        domain.wait(lambda: "POINTER event" in domain.console(), "a PV pointer", 60)
        left, top = point(host, domain, 100, 50)
        right, bottom = point(host, domain, 500, 350)
        expect(right > left and bottom > top,
               f"a pointer that went right and down: {left},{top} to {right},{bottom}")


@scenario(seconds=150, turn=LAST)
def machine_shapes(host):
    """Guests with more memory than 4 GiB and 4 vCPUs, and with neither ACPI nor APIC."""
    devices = MAIN + devicemodel("lan", [1]) + devicemodel("port", capabilities=["serial"]) + nic(1)
    shapes = {"memory": 4608, "vcpus": 4}, {"memory": 128, "features": "<pae/>"}
    for shape in shapes:
        with running(host, "shape", domain_xml("shape", devices, **shape)) as domain:
            report = domain.report()
            [entry] = report["NIC"]
            expect(report["REACH"][entry["name"]][0] > 0, f"pings with {shape}: {report['REACH']}")


@scenario(turn=LAST)
def terminal_not_of_libxl(host):
    """libxl is not asked for the terminal of a secondary, and logs no error about it."""
    xml = domain_xml("lines", MAIN + devicemodel("lines", capabilities=["serial"]), memory=64,
                     boot="<boot dev='hd'/>", serial="<serial type='pty'/>")
    with running(host, "lines", xml) as domain:
        expect_words(domain.xml().find(".//serial/source").get("path"), "/dev/pts/")
        domid = domain.virsh("domid lines").stdout.strip()
        said = host.run("cat /var/log/libvirt/libxl/libxl-driver.log").stdout
        expect(f"/local/domain/{domid}/serial" not in said, "no error about the terminal")
