# SPDX-License-Identifier: LGPL-2.1-or-later
"""A client that does what virt-manager does, with virt-manager's own modules: reads
the definition of a domain, changes what its details window can change, and defines it.

Its argument is the domain's name. The connection is that of the environment
(LIBVIRT_DEFAULT_URI). Prints the definition before, the XML that virt-manager made
of it, and the definition after, as a JSON list."""

import json
import os
import sys

import libvirt

sys.path.insert(0, "/usr/share/virt-manager")
from virtinst import DeviceInterface, Guest, VirtinstConnection  # pylint: disable=wrong-import-position,import-error


def changed(conn, xml):
    """Return @xml as virt-manager would define it after some changes."""
    guest = Guest(conn, parsexml=xml)
    guest.title = "a title"
    guest.currentMemory = 200 * 1024
    placed = next(nic for nic in guest.devices.interface if nic.macaddr == "00:16:3e:00:00:02")
    placed.model = "pcnet"
    added = DeviceInterface(conn)
    added.type = "bridge"
    added.source = "xenbr0"
    added.macaddr = "00:16:3e:00:00:71"
    added.model = "e1000"
    guest.add_device(added)
    guest.remove_device(guest.devices.interface[0])
    return guest.get_xml()


def main():
    """Change the domain that the command line names."""
    conn = VirtinstConnection(os.environ["LIBVIRT_DEFAULT_URI"])
    conn.open(None, None)
    domain = conn.lookupByName(sys.argv[1])
    before = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    made = changed(conn, before)
    after = conn.defineXML(made).XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    print(json.dumps([before, made, after]))


if __name__ == "__main__":
    main()
