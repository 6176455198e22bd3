# SPDX-License-Identifier: LGPL-2.1-or-later
"""A few minutes of the kill matrix."""

from xenhostlib.killmatrix import LIMIT, KillMatrix
from xenhostlib.killresults import KillResults
from report import machine

from .common import FIRST, expect, expect_all_gone, scenario

# Deaths and hangs. Who serves nobody is found when all devices are used.
IDLE = ("kill", "stop")
LOADED = ("kill", "oom", "qmp-garbage")


@scenario(seconds=300, turn=FIRST)
def kill_matrix(host):
    """Secondaries of all kinds that are restarted fail together, five times: their guest and all
    its devices go on."""
    results = KillResults()
    results.begin(machine=machine())
    matrix = KillMatrix(host, results)
    with matrix.guest(LIMIT):
        matrix.round(IDLE, True, False)
        matrix.round(LOADED, True, True)
    expect(results.part["others"] == 0, f"no other secondary to fail: {results.part['others']} did")
    print("\n".join(results.lines()))
    expect_all_gone(host)
