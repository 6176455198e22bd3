# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two emulated hosts on one network, of which each has a guest that comes from the other."""

import contextlib

from .common import Progress, Stuck
from .domain import Domain, console_path, fell
from .machine import XenHost

# A disk that both have, for guests.
SHARED = "/dev/vdc"
# How the two are called, and their addresses.
NAMES = {"xenhost": "10.77.0.1", "partner": "10.77.0.2"}

CONF = "/etc/libvirt/libvirtd.conf"
# What a packet between them may have: each costs the emulation the same.
MTU = 16000

# How the daemon listens for another host's, and for none.
LISTEN = f"""
grep -q '^auth_tcp' {CONF} || echo 'auth_tcp = "none"' >> {CONF}
systemctl stop libvirtd
systemctl start libvirtd-tcp.socket libvirtd.socket libvirtd
virsh -q version
"""
LISTEN_NO_MORE = f"""
sed -i /^auth_tcp/d {CONF}
systemctl stop libvirtd-tcp.socket libvirtd
systemctl start libvirtd.socket libvirtd
virsh -q version
"""


def _name(host, name):
    """Call a host @name, have it know both, and be on the network of both."""
    addresses = "".join(f"{address} {other}\n" for other, address in NAMES.items())
    host.run(f"""set -e
hostname {name}
printf '127.0.0.1 localhost\\n{addresses}' > /etc/hosts
ip addr flush dev xenbr0
ip link set uplink0 address 02:00:00:00:00:0{NAMES[name][-1]}
ip addr add {NAMES[name]}/24 dev xenbr0
ip link set eth1 mtu {MTU} master xenbr0 up
ip link set xenbr0 mtu {MTU}
{LISTEN}""")
    # the port that the daemon listens on is nobody's leftover
    host.script("leftovers.sh", "fresh")


@contextlib.contextmanager
def partner_of(host):
    """A second host, called "partner", on one network with @host, called "xenhost", for as long
    as it is needed; the daemon of each lets the other's in.

    Raises Stuck where the emulation of the second is why what was done with it has failed."""
    other = XenHost(host.libvirt, f"{host.name}-partner", progress=Progress(f"{host.name}-partner: "),
                    partner=host)
    with other:
        try:
            _name(host, "xenhost")
            _name(other, "partner")
            yield other
        except Exception as error:
            if not other.answers() or fell(other):
                raise Stuck(f"the host '{other.name}', or a guest on it, stands still") from error
            raise
        finally:
            host.run(f"ip link set eth1 nomaster down; ip link set xenbr0 mtu 1500; {LISTEN_NO_MORE}")


def uri(name):
    """Return the URI of the daemon of the host that is called @name."""
    return f"xen+tcp://{name}/system"


class Traveller(Domain):
    """A domain that moves between hosts, with all that its guest says on the way."""

    def __init__(self, domain, away):
        """@away is the other host, and the domain is on the one that is called "xenhost"."""
        super().__init__(domain.host, domain.name)
        self.places = {"xenhost": domain.host, "partner": away}
        self.heard = ""

    def console(self):
        """Return what the guest has said, wherever it was."""
        return self.heard + super().console()

    def elsewhere(self):
        """Return the name of the host that it is not on."""
        [name] = [name for name, host in self.places.items() if host is not self.host]
        return name

    def migrate(self, options="--live", check=True, address=None):
        """Migrate it to the other host, whose daemon may have an @address other than its name;
        return what virsh did.

        Where that fails it is here still."""
        name = self.elsewhere()
        target = self.places[name]
        self.hear_ahead(target)
        done = self.virsh(f"migrate {options} {self.name} {uri(address or name)}", check=False)
        if done.returncode == 0:
            self.moved(target)
        else:
            target.run(f"systemctl stop ahead-{self.name}; rm -f {console_path(self.name)}", check=False)
            if check:
                done.check_returncode()
        return done

    def moved(self, target):
        """Note that the domain is on another host now."""
        self.heard = self.console()
        self.host.run(["rm", "-f", console_path(self.name)])
        self.host = target

    def remove(self):
        """Destroy the domain on both hosts, and have them forget it."""
        for host in self.places.values():
            host.run(f"systemctl stop ahead-{self.name}", check=False)
            Domain(host, self.name).remove()
