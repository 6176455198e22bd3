# SPDX-License-Identifier: LGPL-2.1-or-later
"""Domains that come and go, many at once and one after the other."""

from xenhostlib import Domain, leftovers
from xenhostlib.domain import devicemodel, domain_xml, nic
from xenhostlib.soak import Soak

from .common import expect, scenario

NAMES = ("four-a", "four-b", "four-c", "four-d")

# Starts and destroys the domains $2 and following together, $1 times, while four
# clients use them.  Prints each command that fails or does not end.
CROWD = r"""
rounds=$1
shift
work=$(mktemp -d)
try() { timeout 300 "$@" > "$work/out.$BASHPID" 2>&1 || echo "status $?: $*: $(cat "$work/out.$BASHPID")"; }
client() {
    # a domain may be in any state when it is asked for
    while [ ! -e "$work/end" ]; do
        for name in "$@"; do
            for command in dumpxml domstate dominfo domiflist suspend resume; do
                timeout 300 virsh -q $command "$name" > /dev/null 2>&1
                [ $? -ne 124 ] || echo "virsh $command $name does not end"
            done
        done
        try virsh -q list --all
    done
}
for number in 1 2 3 4; do
    client "$@" &
    clients="$clients $!"
done
while [ "$rounds" -gt 0 ]; do
    for command in start destroy; do
        pids=
        for name in "$@"; do
            try virsh -q $command "$name" &
            pids="$pids $!"
        done
        wait $pids
    done
    rounds=$((rounds - 1))
done
touch "$work/end"
wait $clients
rm -r "$work"
"""


@scenario
def crowd(host):
    """Four domains start and end at the same time while four clients use them."""
    domains = [Domain(host, name) for name in NAMES]
    try:
        for number, domain in enumerate(domains, 2):
            devices = (devicemodel("main", capabilities=["ui"]) + devicemodel("lan", [number]) +
                       nic(number))
            domain.define(domain_xml(domain.name, devices, memory=64, boot="<boot dev='hd'/>"))
        host.run("cat > /root/crowd", input=CROWD)
        said = host.run(["bash", "/root/crowd", "2", *NAMES], timeout=1800).stdout
        expect(not said, f"no failure:\n{said}")
        left = leftovers(host)
        expect(not left, f"nothing left: {left}")
    finally:
        for domain in domains:
            domain.remove()
        host.run("rm -f /root/crowd")


@scenario
def short_soak(host):
    """Two domains with three device models each live twice and leave nothing."""
    soak = Soak(host)
    try:
        soak.prepare()
        soak.cycle()
        base = soak.numbers()
        soak.cycle()
        # these settle in more cycles
        _, grown = soak.settled(base, apart=("rss", "threads"))
        expect(not grown, f"no more than before: {grown}")
    finally:
        soak.clear()
