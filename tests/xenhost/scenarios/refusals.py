# SPDX-License-Identifier: LGPL-2.1-or-later
"""What must not run, with an error that says why and nothing left behind."""

from xenhostlib import Domain
from xenhostlib.domain import EMULATOR, devicemodel, disk, domain_xml, mac, nic

from .common import FIRST, MAIN, expect, expect_start_fails, expect_words, running, scenario


# A script in the place of an emulator, by what it does.
WRAPPERS = {
    "/root/exits": "#!/bin/sh\necho 'no such board' >&2\nexit 3\n",
    "/root/hangs": "#!/bin/sh\nwhile :; do sleep 1; done\n",
    "/root/drops": f"#!/bin/sh\nunset LD_PRELOAD\nexec {EMULATOR} \"$@\"\n",
}


def expect_define_refused(host, devices, *words, ostype="hvm"):
    """Fail unless defining is refused with each of @words in the error."""
    domain = Domain(host, "refused")
    try:
        # the schema would refuse some of these first, without a reason
        done = domain.define(domain_xml("refused", devices, ostype=ostype), check=False,
                             validate=False)
        expect(done.returncode != 0, f"a refusal with {words}, it was defined")
        expect_words(done.stderr, *words)
    finally:
        domain.virsh("undefine refused", check=False)


def expect_start_refused(host, devices, *words):
    """Fail unless starting is refused with @words in the error, and leaves nothing."""
    domain = Domain(host, "refused")
    try:
        domain.define(domain_xml("refused", devices))
        expect_start_fails(host, domain, *words)
    finally:
        domain.remove()


def lan(emulator=None):
    """Return the devices of a domain with a NIC in the secondary 'lan'."""
    return MAIN + devicemodel("lan", [2], emulator=emulator) + nic(1) + nic(2)


@scenario(turn=FIRST)
def definitions_refused(host):
    """What the XML alone decides is refused when it is defined."""
    expect_define_refused(host, MAIN + devicemodel("lan", [9]) + nic(1), "'lan'", mac(9))
    expect_define_refused(host, MAIN + devicemodel("lan", [2]) + devicemodel("wan", [2]) + nic(2),
                          "'lan'", "'wan'", mac(2))
    expect_define_refused(host, MAIN + devicemodel("lan", [2], ["audio"]) +
                          devicemodel("wan", [3], ["audio"]) + nic(2) + nic(3),
                          "'lan'", "'wan'", "audio")
    expect_define_refused(host, lan().replace("rtl8139", "netfront"), "'lan'", "netfront", "rtl8139")
    nine = "".join(devicemodel(f"dm{number}", [number]) + nic(number) for number in range(1, 10))
    expect_define_refused(host, nine, "9", "8")
    expect_define_refused(host, MAIN + devicemodel("a/b", [2]) + nic(2), "a/b")
    expect_define_refused(host, MAIN + devicemodel("lan", [2]) + nic(2), "'main'", "'hvm'",
                          ostype="linux")
    expect_define_refused(host, MAIN + devicemodel("lan", [2], ["tape"]) + nic(2),
                          "tape", "serial")


@scenario(seconds=100)
def emulators_refused(host):
    """An emulator that is missing, is no program, exits, hangs or drops the scope library."""
    for path, text in WRAPPERS.items():
        host.run(f"cat > {path} && chmod +x {path}", input=text)
    host.run("echo nothing > /root/text; chmod -x /root/text")
    try:
        expect_start_refused(host, lan("/nonexistent"), "'lan'", "'/nonexistent'", "does not exist")
        expect_start_refused(host, lan("/root/text"), "'lan'", "'/root/text'", "executable")
        expect_start_refused(host, lan("/root"), "'lan'", "'/root'", "executable")
        expect_start_refused(host, lan("/root/exits"), "'lan'", "exited", "no such board",
                             "(exec)")
        expect_start_refused(host, lan("/root/drops"), "'lan'", "'/root/drops'", "LD_PRELOAD",
                             "(exec)")
        expect_start_refused(host, lan("/root/hangs"), "'lan'", "no answer within", "(exec)")
    finally:
        host.run(["rm", "-f", "/root/text", *WRAPPERS])


@scenario
def devices_refused(host):
    """A start fails where a bridge or an image is missing."""
    missing = MAIN + devicemodel("lan", [2]) + nic(2, bridge="nobr0")
    expect_start_refused(host, missing, "'lan'", "nobr0")
    missing = MAIN + devicemodel("disk", capabilities=["ide"]) + disk("hda", "/root/no.img")
    expect_start_refused(host, missing, "'disk'", "/root/no.img", "'hda'", "No such file")


@scenario(seconds=60)
def operations_refused(host):
    """Detaching a placed NIC: refused while the guest runs on."""
    with running(host, "busy", domain_xml("busy", lan())) as domain:
        done = domain.virsh(f"detach-interface busy bridge {mac(2)} --live", check=False)
        expect(done.returncode != 0, "the detaching of a placed NIC to be refused")
        expect_words(done.stderr, mac(2), "'lan'")
        done = domain.virsh(f"detach-interface busy bridge {mac(2)} --config", check=False)
        expect(done.returncode != 0, "the detaching from the configuration to be refused")
        names = [entry["name"] for entry in domain.report()["NIC"]]
        domain.wait_for_pings(names)
