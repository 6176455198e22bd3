# SPDX-License-Identifier: LGPL-2.1-or-later
"""All logs of an emulated Xen host, in one folder."""

import io
import shutil
import subprocess
import tarfile

# Its output is a tar archive. Each part may fail: what is broken is what the
# logs are for.
GATHER = r"""
work=$(mktemp -d) && cd "$work" || exit 1
save() { name=$1; shift; timeout 20 "$@" > "$name" 2>&1; }
save xen-dmesg.log xl dmesg
save xl-list.txt xl list -l
save dom0-journal.log journalctl --no-pager -o short-monotonic -b
save dom0-dmesg.log dmesg
save processes.txt ps axfww -o pid,ppid,user,stat,time,args
save xenstore.txt xenstore-ls -f
save network.txt sh -c 'ip -s addr; ip route; bridge link'
save sockets.txt sh -c 'ls -laR /run/libvirt /var/lib/libvirt/libxl /run/xen'
save virsh-list.txt virsh -q -c xen:///system list --all
cp -a /var/log/xen xen
cp -a /var/log/libvirt libvirt
mkdir guests && cp -a /var/log/guest*.log guests/
tar -c .
rm -rf "$work"
"""


def collect(local, target, ssh):
    """Put the local log files in @local, and those of the host, into @target.

    @ssh turns a shell line into the command that runs it on the host; it is
    None when the host can't be asked. Returns @target."""
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    shutil.copytree(local, target)
    if ssh:
        try:
            done = subprocess.run(ssh(GATHER), stdin=subprocess.DEVNULL, capture_output=True,
                                  timeout=240, check=False)
            error = done.stderr
            if done.stdout:
                with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
                    archive.extractall(target)
        except (subprocess.TimeoutExpired, tarfile.TarError) as failure:
            error = str(failure).encode()
        if error:
            (target / "collect-errors.log").write_bytes(error)
    return target
