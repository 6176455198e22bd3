# SPDX-License-Identifier: LGPL-2.1-or-later
"""What clients read and write about device models."""

import xml.etree.ElementTree as ElementTree

from xenhostlib import Domain
from xenhostlib.domain import EMULATOR, devicemodel, domain_xml, nic

from .common import MAIN, expect, expect_words, running, scenario

DEVICES = MAIN + devicemodel("lan", [2], emulator=EMULATOR) + nic(1) + nic(2)


@scenario
def definition_kept(host):
    """Neither the inactive nor the live XML loses anything on its way through define."""
    with running(host, "kept", domain_xml("kept", DEVICES)) as domain:
        host.run("virsh dumpxml --inactive kept > /root/kept-1.xml")
        host.run("virt-xml-validate /root/kept.xml && virt-xml-validate /root/kept-1.xml")
        domain.virsh("define --validate /root/kept-1.xml")
        host.run("virsh dumpxml --inactive kept > /root/kept-2.xml")
        host.run("cmp /root/kept-1.xml /root/kept-2.xml")
        host.run("virsh dumpxml kept > /root/kept-3.xml && virt-xml-validate /root/kept-3.xml")
        live = ElementTree.fromstring(host.run("cat /root/kept-3.xml").stdout)
        [lan] = live.findall(".//devicemodel[@name='lan']")
        expect((lan.get("id"), lan.get("state")) == ("1", "running"),
               f"id and state in the live XML: {lan.attrib}")
        # a live definition is taken for a new one: the slot stays, the state goes
        domain.virsh("define --validate /root/kept-3.xml")
        [again] = domain.xml("--inactive").findall(".//devicemodel[@name='lan']")
        expect(again.attrib == {"name": "lan"}, f"no state in the definition: {again.attrib}")
        addresses = domain.xml("--inactive").findall(".//interface/address")
        expect([address.get("slot") for address in addresses] == ["0x1f"],
               "the slot of the placed NIC in the definition")
        host.run("rm -f /root/kept*.xml")


@scenario
def capabilities_told(host):
    """virsh domcapabilities says whether there are device models, and what they can be."""
    domain = Domain(host, "none")
    text = domain.virsh("domcapabilities --machine xenfv").stdout
    found = ElementTree.fromstring(text).find("./devices/devicemodel")
    expect(found is not None and found.get("supported") == "yes" and found.get("max") == "8",
           f"eight device models in the capabilities of xenfv: {text}")
    for name, expected in (("capability", ["ui", "ide", "serial", "audio"]),
                           ("failureAction", ["restart", "ignore", "pause", "destroy"])):
        values = [value.text for value in found.findall(f"enum[@name='{name}']/value")]
        expect(values == expected, f"{expected} for '{name}': {values}")
    text = domain.virsh("domcapabilities --machine xenpv").stdout
    found = ElementTree.fromstring(text).find("./devices/devicemodel")
    expect(found is not None and found.get("supported") == "no",
           f"no device models in the capabilities of xenpv: {text}")


@scenario
def xl_cfg_both_ways(host):
    """A definition goes to xl.cfg and back, and a malformed one is refused with its place."""
    domain = Domain(host, "native")
    try:
        domain.define(domain_xml("native", DEVICES))
        config = domain.virsh("domxml-to-native xen-xl --domain native").stdout
        expect_words(config, f'device_models = [ "name=main,ui", "name=lan,path={EMULATOR},vifs=')
        host.run("cat > /root/native.cfg", input=config)
        text = domain.virsh("domxml-from-native xen-xl /root/native.cfg").stdout
        back = ElementTree.fromstring(text).find(".//devicemodel[@name='lan']")
        there = domain.xml("--inactive").find(".//devicemodel[@name='lan']")
        expect(back is not None and back.find("emulator").text == EMULATOR and
               back.find("interface").get("mac") == there.find("interface").get("mac"),
               f"the same device model after the way there and back: {text}")
        broken = config.replace("name=lan,", "name=lan,,")
        host.run("cat > /root/native.cfg", input=broken)
        done = domain.virsh("domxml-from-native xen-xl /root/native.cfg", check=False)
        expect(done.returncode != 0, "an empty word in device_models to be refused")
        expect_words(done.stderr, "device_models", "item 2", "character")
    finally:
        domain.remove()
        host.run("rm -f /root/native.cfg")
