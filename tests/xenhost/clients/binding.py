# SPDX-License-Identifier: LGPL-2.1-or-later
"""A client that uses Python's libvirt binding: takes a domain with device models
through its life, and fails where a call loses them or says something else than it
should.

Reads the XML of a domain from stdin: HVM, persistent, with a NIC in the secondary
'lan'. The connection is that of the environment (LIBVIRT_DEFAULT_URI)."""

import sys
import threading
import time
import xml.etree.ElementTree as ElementTree

import libvirt

# Seconds for events to arrive.
EVENT_TIMEOUT = 60

LIFECYCLE = {getattr(libvirt, f"VIR_DOMAIN_EVENT_{name}"): name for name in
             ("DEFINED", "UNDEFINED", "STARTED", "SUSPENDED", "RESUMED", "STOPPED")}

# Kept as it is by every call that leaves them alone.
NEW_NIC = """<interface type='bridge'>
  <mac address='00:16:3e:00:00:70'/>
  <source bridge='xenbr0'/>
  <model type='e1000'/>
</interface>"""


def expect(condition, text):
    """Fail with @text unless @condition is true."""
    if not condition:
        sys.exit(f"binding: expected {text}")


def device_models(xml):
    """Return the device models of a domain in one spelling, without what only a
    running domain shows."""
    found = ElementTree.fromstring(xml).findall("./devices/devicemodel")
    for element in found:
        element.attrib.pop("id", None)
        element.attrib.pop("state", None)
    return [ElementTree.canonicalize(ElementTree.tostring(element), strip_text=True)
            for element in found]


def expect_kept(before, after, text):
    """Fail unless @after has the device models of @before."""
    expect(device_models(before) == device_models(after),
           f"{text} to keep {device_models(before)}, it has {device_models(after)}")


def expect_refused(code, words, call, *args):
    """Fail unless call(*args) raises an error with @code and @words in its message."""
    try:
        call(*args)
    except libvirt.libvirtError as error:
        found = error.get_error_code()
        expect(found == code, f"error {code} with {words}, it is {found}: {error}")
        for word in words:
            expect(word in str(error), f"'{word}' in: {error}")
        return
    expect(False, f"a refusal with {words} of {call.__name__}{args}")


class Events:
    """The lifecycle events of one domain, in the order in which they come."""

    def __init__(self, conn, name):
        self.name = name
        self.found = []
        conn.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, self.add, None)

    def add(self, _conn, domain, event, _detail, _opaque):
        """Called for each event of any domain."""
        if domain.name() == self.name and LIFECYCLE[event] not in self.found[-1:]:
            self.found.append(LIFECYCLE[event])

    def expect(self, *names):
        """Wait until the last event is that of @names, and compare all."""
        deadline = time.monotonic() + EVENT_TIMEOUT
        while self.found[-1:] != [names[-1]] and time.monotonic() < deadline:
            time.sleep(0.1)
        expect(self.found == list(names), f"the events {names}: {self.found}")


def check_capabilities(conn):
    """The driver says that there can be device models, before one is written."""
    text = conn.getDomainCapabilities(None, None, "xenfv", "xen")
    element = ElementTree.fromstring(text).find("./devices/devicemodel")
    expect(element is not None and element.get("supported") == "yes", f"device models in: {text}")


def check_refused_definitions(conn, xml):
    """What is wrong is refused with its code, and a text that names it."""
    lan = "'lan'"
    mac = ElementTree.fromstring(xml).find(".//devicemodel[@name='lan']/interface").get("mac")
    for change, code, words in (
            (("name='lan'", "name='l/an'"), libvirt.VIR_ERR_XML_ERROR, ["'l/an'"]),
            (("name='lan'", ""), libvirt.VIR_ERR_XML_ERROR, ["device model 2"]),
            (("name='ui'", "name='tape'"), libvirt.VIR_ERR_XML_ERROR, ["'main'", "'tape'", "serial"]),
            ((f"<interface mac='{mac}'/>", ""), libvirt.VIR_ERR_CONFIG_UNSUPPORTED, [lan]),
            ((f"<interface mac='{mac}'/>", "<interface mac='00:16:3e:00:00:77'/>"),
             libvirt.VIR_ERR_CONFIG_UNSUPPORTED, [lan, "00:16:3e:00:00:77"]),
            (("type='rtl8139'", "type='netfront'"), libvirt.VIR_ERR_CONFIG_UNSUPPORTED,
             [lan, mac, "netfront", "rtl8139"])):
        broken = xml.replace(*change)
        expect(broken != xml, f"{change[0]} in the definition")
        expect_refused(code, words, conn.defineXML, broken)
        expect_refused(code, words, conn.createXML, broken)


def check_native(conn, xml):
    """The way to xl.cfg and back loses nothing; the way back says what is malformed."""
    config = conn.domainXMLToNative("xen-xl", xml)
    expect_kept(xml, conn.domainXMLFromNative("xen-xl", config), "xl.cfg")
    expect_refused(libvirt.VIR_ERR_CONF_SYNTAX, ["'lan'", "item 2", "character 10"],
                   conn.domainXMLFromNative, "xen-xl", config.replace("name=lan,", "name=lan,,"))
    expect_refused(libvirt.VIR_ERR_CONFIG_UNSUPPORTED, ["xen-xm", "xen-xl"],
                   conn.domainXMLToNative, "xen-xm", xml)


def check_definition(domain, xml):
    """No call that changes the definition loses device models."""
    config = libvirt.VIR_DOMAIN_AFFECT_CONFIG
    for flags in (0, libvirt.VIR_DOMAIN_XML_INACTIVE, libvirt.VIR_DOMAIN_XML_SECURE,
                  libvirt.VIR_DOMAIN_XML_MIGRATABLE):
        expect_kept(xml, domain.XMLDesc(flags), f"XMLDesc({flags})")
    domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_TITLE, "a title", None, None, config)
    domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, "<note/>", "n", "http://example.org/n",
                       config)
    domain.setMemoryFlags(200 * 1024, config)
    domain.attachDeviceFlags(NEW_NIC, config)
    expect_kept(xml, domain.XMLDesc(), "the definition with metadata and a new interface")
    domain.detachDeviceFlags(NEW_NIC, config)
    expect_kept(xml, domain.XMLDesc(), "the definition without the new interface")
    expect("00:16:3e:00:00:70" not in domain.XMLDesc(), "the new interface to be gone")
    expect_refused(libvirt.VIR_ERR_CONFIG_UNSUPPORTED, ["devicemodel"], domain.attachDeviceFlags,
                   "<devicemodel name='wan'><capability name='audio'/></devicemodel>", config)
    check_detach(domain, config)


def check_detach(domain, flags):
    """The interface that a device model refers to stays."""
    devices = ElementTree.fromstring(domain.XMLDesc()).find("devices")
    mac = devices.find("./devicemodel[@name='lan']/interface").get("mac")
    placed = devices.find(f"./interface/mac[@address='{mac}']/..")
    expect_refused(libvirt.VIR_ERR_OPERATION_UNSUPPORTED, [mac, "'lan'"], domain.detachDeviceFlags,
                   ElementTree.tostring(placed, "unicode"), flags)


def check_running(conn, domain, xml):
    """The running domain shows its device models, and refuses what they can't do."""
    live = domain.XMLDesc()
    shown = [(element.get("name"), element.get("id"), element.get("state"))
             for element in ElementTree.fromstring(live).findall("./devices/devicemodel")]
    expect(shown == [("main", "0", "running"), ("lan", "1", "running")], f"the states: {shown}")
    for flags in (0, libvirt.VIR_DOMAIN_XML_INACTIVE, libvirt.VIR_DOMAIN_XML_MIGRATABLE):
        expect_kept(xml, domain.XMLDesc(flags), f"XMLDesc({flags}) of the running domain")
    # it is a definition again
    conn.defineXMLFlags(live, libvirt.VIR_DOMAIN_DEFINE_VALIDATE)
    expect("state=" not in "".join(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE).split("<devicemodel")[1:3]),
           "no state in the definition")
    # the host that it would come to has it
    expect_refused(libvirt.VIR_ERR_OPERATION_INVALID, [domain.name(), "already active"],
                   domain.migrate3, conn, {}, libvirt.VIR_MIGRATE_LIVE)
    check_detach(domain, libvirt.VIR_DOMAIN_AFFECT_LIVE)
    expect(domain.isActive(), "the domain to run on")


def check(conn, xml):
    """Take the domain through its life."""
    name = ElementTree.fromstring(xml).findtext("name")
    events = Events(conn, name)
    check_capabilities(conn)
    check_refused_definitions(conn, xml)
    check_native(conn, xml)
    domain = conn.defineXMLFlags(xml, libvirt.VIR_DOMAIN_DEFINE_VALIDATE)
    try:
        check_definition(domain, xml)
        domain.create()
        check_running(conn, domain, xml)
        domain.suspend()
        domain.resume()
        domain.destroy()
    finally:
        if domain.isActive():
            domain.destroy()
        domain.undefine()
    # the second definition is that of the running domain
    events.expect("DEFINED", "STARTED", "DEFINED", "SUSPENDED", "RESUMED",
                  "STOPPED", "UNDEFINED")


def run_events():
    """Let libvirt handle events for as long as the program runs."""
    while True:
        libvirt.virEventRunDefaultImpl()


def main():
    """Connect, and check."""
    libvirt.registerErrorHandler(lambda *_: None, None)
    libvirt.virEventRegisterDefaultImpl()
    threading.Thread(target=run_events, daemon=True).start()
    check(libvirt.open(), sys.stdin.read())


if __name__ == "__main__":
    main()
