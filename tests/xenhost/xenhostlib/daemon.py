# SPDX-License-Identifier: LGPL-2.1-or-later
"""The host's libvirt daemon, as it is to be when its time or its memory is measured."""

DROP_IN = "/run/systemd/system/libvirtd.service.d/quiet.conf"


def restart_quiet(host, environment=""):
    """Restart the daemon of @host with its default log and @environment, if any.

    The host's log has all that the driver says, which takes longer than what it
    tells of."""
    if environment:
        host.run(f"mkdir -p $(dirname {DROP_IN}); cat > {DROP_IN}; systemctl daemon-reload",
                 input=f"[Service]\nEnvironment={environment}\n")
    host.run("sed -i '/^log_/d' /etc/libvirt/libvirtd.conf && systemctl restart libvirtd && virsh -q version")
