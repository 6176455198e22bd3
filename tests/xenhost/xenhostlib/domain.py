# SPDX-License-Identifier: LGPL-2.1-or-later
"""Domains on the host: their XML, their life through virsh, and what is left of them."""

import time
import xml.etree.ElementTree as ElementTree

from .common import PROGRAMS, Stuck, XenHostError
from .guest import parse_report, pings

EMULATOR = "/usr/libexec/xen-qemu-system-i386"
BRIDGE = "xenbr0"
KERNEL = "/var/lib/xenhost/vmlinuz"
INITRD = "/var/lib/xenhost/initrd.gz"
# What preload.make() has made of both: how a guest boots it, and the options of its QEMU.
PRELOADED = "/var/lib/xenhost/preloaded"
PRELOADED_KERNEL = f"<kernel>{PRELOADED}/kernel</kernel>"
PRELOAD_OPTIONS = f"""
  <xen:commandline>
    <xen:arg value='-readconfig'/><xen:arg value='{PRELOADED}/qemu.cfg'/>
  </xen:commandline>"""
REPORT_TIMEOUT = 480

# Seconds that a guest may be silent before it is looked whether it is stuck.
SILENCE = 60

def nic(number, model="rtl8139", bridge=BRIDGE, inner=""):
    """Return the XML of the NIC with @number, which makes its MAC.

    The default is what the guest's Linux is up with soonest: each e1000 costs it ten
    seconds, in which it reads the EEPROM bit by bit."""
    return f"""
    <interface type='bridge'>
      <mac address='{mac(number)}'/>
      <source bridge='{bridge}'/>
      <model type='{model}'/>{inner}
    </interface>"""


def mac(number):
    """Return the MAC of the NIC with @number."""
    return f"00:16:3e:00:00:{number:02x}"


def devicemodel(name, nics=(), capabilities=(), emulator=None, failure=None, limit=None):
    """Return the XML of a device model; @failure is what is done when it fails, and
    @limit the seconds after which it hangs."""
    inner = f"<emulator>{emulator}</emulator>" if emulator else ""
    inner += "".join(f"<capability name='{word}'/>" for word in capabilities)
    inner += "".join(f"<interface mac='{mac(number)}'/>" for number in nics)
    words = "".join(f" {word}='{value}'" for word, value in (("action", failure), ("limit", limit))
                    if value is not None)
    inner += f"<failure{words}/>" if words else ""
    return f"\n    <devicemodel name='{name}'>{inner}</devicemodel>"


def disk(target, source, form="raw", device="disk", inner="", block=False):
    """Return the XML of an IDE disk or cdrom drive with an image file or, if @block, a device."""
    kind, word = ("block", "dev") if block else ("file", "file")
    return f"""
    <disk type='{kind}' device='{device}'>
      <driver name='qemu' type='{form}'/>
      <source {word}='{source}'/>{inner}
      <target dev='{target}' bus='ide'/>
    </disk>"""


def direct_boot(cmdline, files=f"<kernel>{KERNEL}</kernel><initrd>{INITRD}</initrd>"):
    """Return the XML that boots a Linux without a disk, by default the usual way."""
    return f"""
    {files}
    <cmdline>console=ttyS0 {cmdline}</cmdline>"""


def domain_xml(name, devices, memory=256, vcpus=1, ostype="hvm", cmdline="xen_nopv quiet",
               boot=None, preloaded=False, serial=None, features="<acpi/><apic/><pae/>"):
    """Return the XML of a domain that boots the test guest and has @devices.

    With @boot, the XML of another way to boot, @cmdline does not count, and Linux is in
    the guest's memory only if @preloaded. The serial port goes to the file that
    Domain.console() reads, unless @serial says otherwise."""
    machine = "xenfv" if ostype == "hvm" else "xenpv"
    serial = serial or f"<serial type='file'><source path='{console_path(name)}'/></serial>"
    options = "" if boot and not preloaded else PRELOAD_OPTIONS
    boot = boot or direct_boot(cmdline, PRELOADED_KERNEL)
    return f"""<domain type='xen' xmlns:xen='http://libvirt.org/schemas/domain/xen/1.0'>
  <name>{name}</name>
  <memory unit='MiB'>{memory}</memory>
  <vcpu>{vcpus}</vcpu>
  <os>
    <type arch='x86_64' machine='{machine}'>{ostype}</type>{boot}
  </os>
  <features>{features}</features>
  <devices>
    <emulator>{EMULATOR}</emulator>{devices}
    {serial}
  </devices>{options}
</domain>
"""


def console_path(name):
    """Return where on the host the serial port of the domain @name goes."""
    return f"/var/log/guest-{name}.log"


def ahead(name):
    """Return the command that hears a guest from its first word on: see Domain.hear_ahead()."""
    return [f"{PROGRAMS}/ahead.sh", name, console_path(name)]


# A primary with a name.
MAIN = devicemodel("main", capabilities=["ui"])


class Domain:
    """A domain of a host, driven through virsh as a user would."""

    def __init__(self, host, name):
        self.host = host
        self.name = name

    def virsh(self, command, check=True, timeout=400):
        """Run a virsh command and return the subprocess.CompletedProcess."""
        return self.host.run(["virsh", *command.split()], check=check, timeout=timeout)

    def define(self, xml, check=True, validate=True):
        """Define the domain, by default after a look at the schema; return what virsh did."""
        path = f"/root/{self.name}.xml"
        self.host.run(f"cat > {path}", input=xml)
        option = "--validate" if validate else ""
        return self.virsh(f"define {option} {path}", check=check)

    def start(self, check=True):
        """Start the domain, with an empty console, and return what virsh did."""
        self.host.run(["rm", "-f", console_path(self.name)])
        return self.virsh(f"start {self.name}", check=check)

    def destroy(self):
        """Destroy the domain."""
        self.virsh(f"destroy {self.name}")

    def remove(self):
        """Destroy the domain if it runs, and forget it."""
        self.virsh(f"destroy {self.name}", check=False)
        self.virsh(f"undefine {self.name}", check=False)

    def xml(self, options=""):
        """Return the domain's XML, parsed."""
        return ElementTree.fromstring(self.virsh(f"dumpxml {self.name} {options}").stdout)

    def console(self):
        """Return what the guest has written to its serial port."""
        return self.host.run(["cat", console_path(self.name)], check=False).stdout

    def tty(self):
        """Return the terminal that the first serial port is connected to."""
        return self.virsh(f"ttyconsole {self.name}").stdout.strip()

    def listen(self):
        """Let console() have what comes to the first serial port, a terminal.

        Ends with the terminal, or with the host, when all that serves domains has ended."""
        tty = self.tty()
        self.host.run(["systemd-run", "--quiet", "--collect", "--property=DefaultDependencies=no", "sh", "-c",
                       f"stty -F {tty} raw -echo; cat {tty} >> {console_path(self.name)}"])

    def hear_ahead(self, host=None):
        """Have a host, by default the one that the domain is on, hear what the guest says as soon
        as it is there, with a terminal of its secondary "lines"."""
        (host or self.host).run(["systemd-run", "--quiet", "--collect", f"--unit=ahead-{self.name}",
                                 *ahead(self.name)])

    def tell(self, command):
        """Give the guest a command, through its first serial port.

        Where its device model was away, the guest may take the first character for the end of a
        break, and the second for a SysRq key."""
        self.host.run(f"printf '\\n\\n%s\\n' '{command}' > {self.tty()}")

    def ask(self, command, timeout=240):
        """Give the guest a command, as tell() does; return the answer."""
        word = command.split()[0]
        before = self.console().count(f"\nANSWER {word} ")

        def answer():
            answers = self.console().replace("\r", "").split(f"\nANSWER {word} ")[1:]
            if len(answers) > before and "\n" in answers[-1]:
                return answers[-1].splitlines()
            return None

        self.tell(command)
        return self.wait(answer, f"an answer to '{command}'", timeout)[0]

    def report(self, timeout=REPORT_TIMEOUT):
        """Wait for the guest's report on its hardware and return it."""
        return self.wait(lambda: parse_report(self.console()), "a report", timeout)

    def wait_for_line(self, line, timeout=240):
        """Wait until the guest has said @line."""
        self.wait(lambda: line in self.console().replace("\r", "").split("\n"), f"'{line}'", timeout)

    def wait_for_state(self, state, timeout=240):
        """Wait until the domain is in @state, in virsh's words."""
        self.wait(lambda: self.virsh(f"domstate {self.name}", check=False).stdout.strip() == state,
                  f"the state '{state}'", timeout)

    def wait_for_pings(self, nics, timeout=240):
        """Wait until a further ping of each of @nics was answered."""
        first = pings(self.console())

        def answered():
            now = pings(self.console())
            return all(name in now and now[name][0] > first.get(name, (0, 0))[0] for name in nics)

        self.wait(answered, f"further pings of {', '.join(nics)} after {first}", timeout)

    def wait(self, condition, what, timeout):
        """Wait until condition() is true, which the guest brings about; return its value.

        Raises Stuck where that is the emulation's fault."""
        begin = time.monotonic()
        looked = begin
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() > begin + timeout:
                raise XenHostError(f"the guest of '{self.name}' had not {what} after {timeout} s; "
                                   f"its last words: {self.console()[-500:]!r}")
            if time.monotonic() > looked + SILENCE:
                looked = time.monotonic()
                if self.host.script("stuck.sh", self.name).stdout:
                    raise Stuck(f"the processor of '{self.name}' is not emulated any further")
            time.sleep(1)


def fell(host):
    """Return whether a guest on @host fell out of the emulation since this was asked last."""
    return host.answers() and host.script("stuck.sh", check=False).stdout.strip() == "stuck"


def openers(host, path):
    """Return the pids of the processes on @host that have the file @path open."""
    return host.run(f"find /proc/[0-9]*/fd -maxdepth 1 -lname '{path}' 2>/dev/null | "
                    "cut -d/ -f3 | sort -u", check=False).stdout.split()


def tap_openers(host, tap):
    """Return the pids of the processes on @host that have the interface @tap open."""
    return host.run(f"grep -l 'iff:.*{tap}$' /proc/[0-9]*/fdinfo/* 2>/dev/null | cut -d/ -f3 | sort -u",
                    check=False).stdout.split()


def leftovers(host):
    """Return a list of what domains have left on @host, running ones included."""
    lines = host.script("leftovers.sh", check=False).stdout.splitlines()
    if lines[-1:] != ["END"]:
        raise XenHostError("the host could not be searched for what domains have left")
    # Xen ends an ioreq server with its domain
    domids = [line.split()[-1] for line in lines if line.startswith("domain ")]
    servers = host.script("ioreqservers.py", *domids).stdout.splitlines() if domids else []
    return lines[:-1] + servers
