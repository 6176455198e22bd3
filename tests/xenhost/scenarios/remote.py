# SPDX-License-Identifier: LGPL-2.1-or-later
"""Clients on another machine than the host, of another libvirt version: the
distribution's own, through libvirt's remote protocol."""

import contextlib
import json
import pathlib
import re
import textwrap
import xml.etree.ElementTree as ElementTree

from xenhostlib import Client
from xenhostlib.domain import BRIDGE, EMULATOR, INITRD, KERNEL, devicemodel, domain_xml, mac, nic

from .common import LAST, MAIN, expect, expect_words, scenario, secondaries

TOP = pathlib.Path(__file__).resolve().parents[3]
PROGRAMS = TOP / "tests" / "xenhost" / "clients"
GUIDE = TOP / "docs" / "clients.rst"

DEVICES = MAIN + devicemodel("lan", [2]) + nic(1, "e1000") + nic(2)

# Where the guide has the files that its guest boots.
GUIDE_FOLDER = "/srv/router"

# An editor that makes one change to what it is given.
EDITOR = "#!/bin/sh\nexec sed -i '{}' \"$1\"\n"


def device_models(xml):
    """Return the device models in @xml, each in one spelling, by name."""
    found = ElementTree.fromstring(xml).findall("./devices/devicemodel")
    return {element.get("name"):
            ElementTree.canonicalize(ElementTree.tostring(element), strip_text=True)
            for element in found}


class RemoteDomain:
    """A domain of the host, as a client on this machine sees it."""

    def __init__(self, client, name):
        self.client = client
        self.name = name

    def xml(self):
        """Return the domain's definition."""
        return self.client.virsh("dumpxml", "--inactive", self.name).stdout

    def expect_models(self, expected, what):
        """Fail unless the definition has the device models @expected after @what."""
        found = device_models(self.xml())
        expect(found == expected, f"the device models {expected} after {what}: {found}")

    def expect_kept(self, command):
        """Run a client's command that leaves the device models alone, but nothing else."""
        before = self.xml()
        self.client.run(command)
        self.expect_models(device_models(before), " ".join(map(str, command)))
        expect(self.xml() != before, f"a change by {command}")

    def expect_refused(self, command, *words):
        """Run a client's command that is refused with @words and changes nothing."""
        before = self.xml()
        done = self.client.run(command, check=False)
        expect(done.returncode != 0, f"{command} to be refused with {words}: {done.stdout}")
        expect_words(done.stderr, *words)
        expect(self.xml() == before, f"the definition as it was after the refusal of {command}")

    def edit(self, change):
        """Return a command that makes a change to the definition in an editor."""
        editor = self.client.write("editor", EDITOR.format(change), executable=True)
        return ["env", f"EDITOR={editor}", "virsh", "edit", self.name]

    def expect_edit_refused(self, change, answers, *words):
        """Make a change that is refused with @words, and answer what virsh asks then.

        It asks, and says why, on a terminal only."""
        before = self.xml()
        done = self.client.run_on_terminal(self.edit(change), "[y,n,", answers)
        expect_words(done.stdout, *words)
        expect(self.xml() == before, f"the definition as it was after the refusal of '{change}'")


@contextlib.contextmanager
def remote_domain(client, name):
    """A domain that the clients may define, and that is removed at the end."""
    try:
        yield RemoteDomain(client, name)
    finally:
        client.virsh("destroy", name, check=False)
        client.virsh("undefine", name, check=False)


@scenario(seconds=60)
def virsh_from_outside(host):
    """An older virsh on another machine defines, edits, starts and shows device models."""
    client = Client(host)
    xml = domain_xml("far", DEVICES)
    with remote_domain(client, "far") as domain:
        client.virsh("define", "--validate", client.write("far.xml", xml))
        domain.expect_models(device_models(xml), "define")
        text = client.virsh("dumpxml", "far", "--migratable").stdout
        expect(device_models(text) == device_models(xml), f"the device models in: {text}")
        for command in (domain.edit("s/rtl8139/e1000e/"),
                        ["virsh", "desc", "far", "--config", "--title", "a title"],
                        ["virsh", "setmaxmem", "far", "200MiB", "--config"],
                        ["virsh", "attach-interface", "far", "bridge", "xenbr0", "--mac", mac(3),
                         "--model", "e1000", "--config"],
                        ["virsh", "detach-interface", "far", "bridge", mac(3), "--config"]):
            domain.expect_kept(command)
        domain.expect_refused(["virsh", "detach-interface", "far", "bridge", mac(2), "--config"],
                              mac(2), "'lan'")
        domain.expect_edit_refused(f"/name=.lan./,/<.devicemodel>/s/{mac(2)}/{mac(9)}/", "n",
                                   "'lan'", mac(9), "Failed.")
        # the schema gives no reason, the driver does: 'i' is for going without the schema
        domain.expect_edit_refused("s,name=.lan.,name=\"l/an\",", "in", "schema", "'l/an'")
        client.virsh("start", "far")
        expect(len(secondaries(host)) == 1, "a secondary")
        live = ElementTree.fromstring(client.virsh("dumpxml", "far").stdout)
        [lan] = live.findall("./devices/devicemodel[@name='lan']")
        expect((lan.get("id"), lan.get("state")) == ("1", "running"), f"the state: {lan.attrib}")


@scenario
def python_from_outside(host):
    """Python's binding takes a domain through its life and gets each refusal's code."""
    Client(host).python(PROGRAMS / "binding.py", input=domain_xml("bound", DEVICES))


def install(name):
    """Return virt-install's command line for a domain with a secondary."""
    return ["virt-install", "--name", name, "--memory", "256", "--hvm", "--osinfo", "generic",
            "--import", "--disk", "none", "--boot", f"kernel={KERNEL},initrd={INITRD}",
            "--network", f"bridge={BRIDGE},mac={mac(1)},model=e1000",
            "--network", f"bridge={BRIDGE},mac={mac(2)},model=rtl8139,alias.name=ua-lan",
            "--graphics", "none", "--noautoconsole", "--xml", f"./devices/emulator={EMULATOR}",
            "--xml", "./devices/devicemodel[1]/@name=main",
            "--xml", "./devices/devicemodel[1]/capability/@name=ui",
            "--xml", "./devices/devicemodel[2]/@name=lan",
            "--xml", "./devices/devicemodel[2]/interface/@alias=ua-lan"]


INSTALLED = {"main": '<devicemodel name="main"><capability name="ui"></capability></devicemodel>',
             "lan": '<devicemodel name="lan"><interface alias="ua-lan"></interface></devicemodel>'}


@scenario(seconds=80, turn=LAST)
def virt_install_from_outside(host):
    """virt-install starts a domain with device models, virt-xml changes and virt-clone copies it."""
    client = Client(host)
    with remote_domain(client, "made") as domain, remote_domain(client, "copy") as copy:
        client.run(install("made"))
        expect(len(secondaries(host)) == 1, "a secondary")
        domain.expect_models(INSTALLED, "virt-install")
        change = ["virt-xml", "made"]
        for words in (["--edit", "--memory", "200"],
                      ["--edit", "--metadata", "title=a title"],
                      ["--edit", f"mac={mac(2)}", "--network", "model=pcnet"],
                      ["--add-device", "--network", f"bridge={BRIDGE},mac={mac(3)},model=e1000"]):
            domain.expect_kept([*change, *words])
        domain.expect_refused([*change, "--remove-device", "--network", f"mac={mac(2)}"],
                              "'lan'", "alias='ua-lan'")
        domain.expect_refused([*change, "--edit", f"mac={mac(2)}", "--network", "model=netfront"],
                              "'lan'", "netfront", "rtl8139")
        client.run([*change, "--edit", "--xml", f"./devices/devicemodel[2]/emulator={EMULATOR}",
                    "--xml", f"./devices/devicemodel[2]/interface[2]/@mac={mac(3)}"])
        expected = {**INSTALLED, "lan": f'<devicemodel name="lan"><emulator>{EMULATOR}</emulator>'
                    f'<interface alias="ua-lan"></interface><interface mac="{mac(3)}"></interface>'
                    '</devicemodel>'}
        domain.expect_models(expected, "virt-xml --xml")
        client.virsh("destroy", "made")
        clone = ["virt-clone", "--original", "made", "--name", "copy", "--auto-clone"]
        # a clone has other MAC addresses
        domain.expect_refused(clone, "'lan'", mac(3))
        client.run([*change, "--edit", "--xml", "xpath.delete=./devices/devicemodel[2]/interface[2]"])
        client.run(clone)
        expect(device_models(copy.xml()) == device_models(domain.xml()), f"a copy: {copy.xml()}")


@scenario(turn=LAST)
def virt_manager_from_outside(host):
    """virt-manager's modules change a definition and keep its device models."""
    client = Client(host)
    with remote_domain(client, "managed"):
        client.virsh("define", client.write("managed.xml", domain_xml("managed", DEVICES)))
        done = client.python(PROGRAMS / "virtmanager.py", "managed")
        before, made, after = json.loads(done.stdout)
        for what, xml in (("virt-manager's XML", made), ("the definition", after)):
            expect(device_models(xml) == device_models(before),
                   f"{device_models(before)} in {what}: {xml}")
        expect_words(after, "a title", "pcnet")


def examples(language):
    """Return the guide's examples in a language."""
    text = GUIDE.read_text(encoding="utf-8")
    found = re.findall(rf"^\.\. code-block:: {language}\n\n((?:   .*\n|\n)+)", text, re.MULTILINE)
    expect(found, f"examples in '{language}' in {GUIDE.name}")
    return [textwrap.dedent(block) for block in found]


@scenario(seconds=90)
def clients_guide(host):
    """The examples of docs/clients.rst do what it says, one after the other."""
    client = Client(host)
    host.run(f"mkdir -p {GUIDE_FOLDER} && ln -sf {KERNEL} {INITRD} {GUIDE_FOLDER}")
    try:
        with remote_domain(client, "router"):
            stages = [[]]
            for block in examples("sh"):
                client.run(["sh", "-e", "-c", block])
                # there is no domain before virt-install makes it
                done = client.virsh("dumpxml", "--inactive", "router", check=False)
                names = [] if done.returncode else list(device_models(done.stdout))
                if names != stages[-1]:
                    stages.append(names)
            expect(stages == [[], ["main", "lan"], ["main", "lan", "wan"], ["main", "lan"]],
                   f"the device models of the guide's steps: {stages}")
            client.python(client.write("guide.py", "\n".join(examples("python"))))
    finally:
        host.run(["rm", "-rf", GUIDE_FOLDER])
