# SPDX-License-Identifier: LGPL-2.1-or-later
"""Guests whose NICs are served by secondaries."""

import re

from xenhostlib import Domain, leftovers
from xenhostlib.domain import (EMULATOR, devicemodel, direct_boot, domain_xml, mac, nic, openers,
                               tap_openers)

from .common import (FIRST, LAST, MAIN, TWO_NICS, expect, expect_all_gone, expect_words, running, scenario,
                     secondaries, wait_for)

MODELS = ("rtl8139", "e1000", "e1000e", "pcnet", "ne2k_pci", "virtio")

# What lspci would call them: vendor and device.
PCI_IDS = {"rtl8139": "10ec:8139", "e1000": "8086:100e", "e1000e": "8086:10d3",
           "pcnet": "1022:2000", "ne2k_pci": "10ec:8029", "virtio": "1af4:1000"}


def expect_reached(report, count):
    """Fail unless the guest has @count NICs and pings through each."""
    expect(len(report["NIC"]) == count, f"{count} NICs in the guest: {report['NIC']}")
    for entry in report["NIC"]:
        good, lost = report["REACH"][entry["name"]]
        expect(good > 0, f"pings through {entry['name']} {entry['mac']}: {good} ok, {lost} lost")


def slots(domain):
    """Return the PCI slots of the live XML by MAC, as the guest writes them."""
    found = {}
    for interface in domain.xml().iter("interface"):
        address = interface.find("address")
        if address is not None:
            found[interface.find("mac").get("address")] = f"0000:00:{address.get('slot')[2:]}.0"
    return found


@scenario(seconds=60, turn=FIRST)
def two_nics(host):
    """One NIC in the primary, one in a secondary: both work, side by side."""
    with running(host, "two", domain_xml("two", TWO_NICS)) as domain:
        report = domain.report()
        expect_reached(report, 2)
        entry = next(e for e in report["NIC"] if e["mac"] == mac(2))
        expect(slots(domain) == {mac(2): entry["slot"]},
               f"the live XML's slots as the guest's {entry['slot']}: {slots(domain)}")
        tap = domain.xml().find(f".//mac[@address='{mac(2)}']/../target").get("dev")
        [pid] = secondaries(host)
        owners = tap_openers(host, tap)
        expect(owners == [pid], f"{tap} open in the secondary {pid} only: {owners}")
        stats = domain.virsh(f"domifstat two {tap}").stdout
        expect_words(stats, "rx_packets", "tx_packets")
        other = next(e["name"] for e in report["NIC"] if e["mac"] == mac(1))
        domain.wait_for_pings([entry["name"], other])


@scenario(seconds=90)
def default_emulator(host):
    """No emulator in xl.cfg: the secondary runs the one of libxl, which the live XML names."""
    xml = domain_xml("default", TWO_NICS, boot=direct_boot("xen_nopv quiet"))
    domain = Domain(host, "default")
    try:
        domain.define(xml.replace(f"<emulator>{EMULATOR}</emulator>", ""))
        config = domain.virsh("domxml-to-native xen-xl --domain default").stdout
        expect("device_model_override" not in config, f"no emulator in: {config}")
        host.run("cat > /root/default.cfg", input=config)
        domain.define(domain.virsh("domxml-from-native xen-xl /root/default.cfg").stdout)
        domain.start()
        expect_reached(domain.report(), 2)
        [pid] = secondaries(host)
        run = host.run(f"tr '\\0' '\\n' < /proc/{pid}/cmdline").stdout.split("\n")[0]
        expect(run == EMULATOR, f"{EMULATOR} in the secondary: {run}")
        shown = [domain.xml(option).findtext("./devices/emulator") for option in ("", "--inactive")]
        expect(shown == [EMULATOR, None], f"{EMULATOR} in the live XML only: {shown}")
    finally:
        domain.remove()
        host.run("rm -f /root/default.cfg")


@scenario(seconds=120)
def every_nic_model(host):
    """Eight device models: a secondary for each NIC model, and one with the default."""
    devices = MAIN
    for number, model in enumerate(MODELS, 1):
        devices += devicemodel(model, [number])
    devices += devicemodel("default", [7])
    for number, model in enumerate(MODELS, 1):
        devices += nic(number, model)
    devices += nic(7).replace("<model type='rtl8139'/>", "")
    with running(host, "models", domain_xml("models", devices)) as domain:
        expect(len(secondaries(host)) == 7, f"7 secondaries: {secondaries(host)}")
        report = domain.report()
        expect_reached(report, 7)
        ids = {entry["name"]: entry["ids"] for entry in report["PCI"]}
        for number, model in enumerate(MODELS, 1):
            slot = next(e["slot"] for e in report["NIC"] if e["mac"] == mac(number))
            expect(ids[slot] == PCI_IDS[model], f"{PCI_IDS[model]} in slot {slot}: {ids[slot]}")


@scenario(seconds=70, turn=LAST)
def several_nics_in_one(host):
    """Three NICs in one secondary, one at an address of the user's, two vCPUs."""
    address = "<address type='pci' domain='0' bus='0' slot='0x12' function='0'/>"
    devices = (devicemodel("main") + devicemodel("net", [1, 2, 3]) +
               nic(1) + nic(2, inner=address) + nic(3, "e1000"))
    with running(host, "three", domain_xml("three", devices, vcpus=2)) as domain:
        report = domain.report()
        expect_reached(report, 3)
        found = {entry["mac"]: entry["slot"] for entry in report["NIC"]}
        expect(found[mac(2)] == "0000:00:12.0", f"the user's slot kept: {found}")
        expect(slots(domain) == found, f"the live XML's slots as the guest's: {slots(domain)}")
        expect(len(secondaries(host)) == 1, "one secondary for all three")


@scenario(seconds=80)
def scope_and_backends(host):
    """A PV disk on qdisk is the primary's: a secondary never touches the backend."""
    disk = """
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2'/>
      <source file='/root/pv.qcow2'/>
      <target dev='xvde' bus='xen'/>
    </disk>"""
    host.run("qemu-img create -q -f qcow2 /root/pv.qcow2 16M")
    devices = devicemodel("main") + devicemodel("lan", [2]) + nic(2) + disk
    xml = domain_xml("pv", devices, boot=direct_boot("quiet"))
    try:
        with running(host, "pv", xml) as domain:
            report = domain.report()
            expect_reached(report, 1)
            expect(any(entry["name"] == "xvde" for entry in report["DISK"]),
                   f"xvde among the guest's disks: {report['DISK']}")
            [pid] = secondaries(host)
            owners = openers(host, "/root/pv.qcow2")
            expect(owners and pid not in owners,
                   f"the image open in the primary only, not in {pid}: {owners}")
            log = host.run("cat /var/log/libvirt/libxl/pv-dm-lan.log").stdout
            expect_words(log, "backend/qdisk", "hidden (backend)", "dropped (board)")
            expect("xen be:" not in log and "passed on (backend" not in log,
                   "no backend served in the secondary's log")
    finally:
        host.run("rm -f /root/pv.qcow2")


@scenario(seconds=80, turn=FIRST)
def without_device_models(host):
    """A domain without <devicemodel> runs as ever: one QEMU, nothing of ours."""
    with running(host, "plain", domain_xml("plain", nic(1), boot=direct_boot("xen_nopv quiet"))) as domain:
        expect_reached(domain.report(), 1)
        expect(not secondaries(host), "no secondary")
        keys = host.run("xenstore-ls /local/domain/0/dms", check=False)
        expect(keys.returncode != 0, f"no xenstore folder of ours: {keys.stdout}")
        expect(domain.xml().find(".//devicemodel") is None, "no devicemodel in the live XML")
        status = host.run("cat /run/libvirt/libxl/plain.xml").stdout
        expect("devicemodel" not in status, "no device model in the status file")


@scenario(seconds=80)
def nic_settings(host):
    """Link state, bandwidth, MTU and VLAN of a secondary's NIC are what virsh says."""
    inner = ("<vlan><tag id='42'/></vlan><link state='down'/><mtu size='1400'/><bandwidth>"
             "<inbound average='1000'/><outbound average='500'/></bandwidth>")
    devices = devicemodel("main") + devicemodel("lan", [2]) + nic(3) + nic(2, "e1000", inner=inner)
    xml = domain_xml("set", devices)
    host.run("ip link set xenbr0 type bridge vlan_filtering 1 && "
             "bridge vlan add dev xenbr0 vid 42 pvid untagged self")
    try:
        with running(host, "set", xml) as domain:
            tap = domain.xml().find(f".//mac[@address='{mac(2)}']/../target").get("dev")
            expect_words(host.run(f"ip link show {tap}").stdout, "mtu 1400")
            expect_words(host.run(f"tc class show dev {tap}").stdout, "rate 8Mbit")
            expect_words(host.run(f"tc filter show dev {tap} ingress").stdout, "police", "4Mbit")
            expect_words(host.run(f"bridge vlan show dev {tap}").stdout, "42 PVID")
            expect_words(domain.virsh("domiflist set").stdout, tap, mac(2))
            expect_words(domain.virsh(f"domif-getlink set {tap}").stdout, "down")
            report = domain.report()
            name = next(e["name"] for e in report["NIC"] if e["mac"] == mac(2))
            expect(report["REACH"][name][0] == 0, f"no ping through a cut link: {report['REACH']}")
            domain.virsh(f"domif-setlink set {tap} up")
            domain.wait_for_pings([name])
            expect_words(domain.virsh(f"domif-getlink set {tap}").stdout, "up")
            domain.virsh(f"domif-setlink set {tap} down")
            expect_words(domain.virsh(f"domif-getlink set {tap}").stdout, "down")
            refused = domain.virsh("domif-setlink set " + mac(3) + " down", check=False)
            expect_words(refused.stderr, "cannot be updated")
            domain.virsh(f"detach-interface set bridge --mac {mac(3)} --live")
            domain.virsh(f"domif-setlink set {tap} up")
            domain.wait_for_pings([name])
    finally:
        host.run("ip link set xenbr0 type bridge vlan_filtering 0; "
                 "bridge vlan del dev xenbr0 vid 42 self; bridge vlan add dev xenbr0 vid 1 pvid untagged self")


def listeners(host, port):
    """Return the pids of the processes on @host that listen on the TCP @port."""
    return re.findall(r"pid=(\d+)", host.run(f"ss -Hltnp 'sport = :{port}'").stdout)


def primary_of(host, domain):
    """Return the pid of a domain's primary, the only device model that it has."""
    domid = domain.virsh(f"domid {domain.name}").stdout.strip()
    [pid] = host.run(f"pgrep -f -- '-xen-domid {domid} '").stdout.split()
    return pid


@scenario(turn=LAST)
def descriptors_kept_from_others(host):
    """A domain that is started while another one's start waits gets none of its descriptors."""
    nowhere = "192.0.2.1"
    port = 4001
    serial = (f"<serial type='tcp'><source mode='bind' host='127.0.0.1' service='{port}'/>"
              "<protocol type='raw'/></serial>"
              "<serial type='tcp'><source mode='connect' host='peer.invalid.' service='4'/>"
              "<protocol type='raw'/></serial>")
    waiting = Domain(host, "waiting")
    # nothing comes back from a dummy, and a name is asked for longer than a host
    host.run(f"ip route add {nowhere} dev uplink0; "
             "cp --no-dereference /etc/resolv.conf /run/resolv.conf; rm -f /etc/resolv.conf; "
             f"printf 'nameserver {nowhere}\noptions timeout:30 attempts:2\n' > /etc/resolv.conf")
    try:
        waiting.define(domain_xml("waiting", MAIN + devicemodel("lan", [2], ["serial"]) + nic(2),
                                  memory=64, boot="<boot dev='hd'/>", serial=serial))
        host.run("systemd-run --quiet --collect --unit waiting virsh start waiting")
        wait_for(lambda: listeners(host, port), "the port of a domain whose start waits")
        [tap] = [line.split()[1] for line in leftovers(host)
                 if line.startswith(("interface vnet", "interface tap"))]
        other = domain_xml("other", MAIN, memory=64, boot="<boot dev='hd'/>")
        with running(host, "other", other) as domain:
            primary = primary_of(host, domain)
            expect(host.run("systemctl is-active waiting").stdout.strip() == "active",
                   "a start that still waits")
            expect(primary not in tap_openers(host, tap), f"{tap} not open in the other's primary")
            expect(primary not in listeners(host, port),
                   f"port {port} not open in the other's primary")
    finally:
        # nobody answers, and the start fails
        host.run(f"ip route replace unreachable {nowhere}; ip route del {nowhere} dev uplink0; "
                 f"while ss -K dst {nowhere} > /dev/null; systemctl is-active --quiet waiting; "
                 f"do sleep 0.5; done; ip route del unreachable {nowhere}; "
                 "rm /etc/resolv.conf; mv /run/resolv.conf /etc/resolv.conf", timeout=200)
        waiting.remove()


def open_files(host, pid):
    """Return what a process has open, but for what each opens for itself."""
    lines = host.run(f"for fd in /proc/{pid}/fd/*; do readlink $fd; done", check=False).stdout.splitlines()
    return {line for line in lines if not line.startswith(("anon_inode:", "/dev/null", "/dev/xen/", "/proc/"))}


@scenario(seconds=60)
def descriptors_of_the_daemon(host):
    """What the daemon has open, its log and somebody's console among it, the primary of a domain
    that is started then has not."""
    talks = domain_xml("talks", MAIN + devicemodel("lines", capabilities=["serial"]), memory=64,
                       boot="<boot dev='hd'/>", serial="<serial type='pty'/>")
    other = domain_xml("other", MAIN, memory=64, boot="<boot dev='hd'/>")
    with running(host, "talks", talks) as domain:
        host.run(["systemd-run", "--quiet", "--collect", "--unit=console", "sh", "-c",
                  "sleep 600 | script -q -c 'virsh console talks' /dev/null"])
        try:
            daemon = host.run("pgrep -x libvirtd").stdout.strip()
            tty = domain.tty()
            wait_for(lambda: tty in open_files(host, daemon), "a console that is open", 30)
            with running(host, "other", other) as second:
                primary = primary_of(host, second)
                common = open_files(host, daemon) & open_files(host, primary)
                expect(not common, f"nothing of the daemon's open in a primary: {sorted(common)}")
        finally:
            host.run("systemctl stop console", check=False)
    expect_all_gone(host)
