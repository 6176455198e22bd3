/*
 * libxl_devicemodel_seccomp.h: the system calls that a secondary is refused
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Why there is a filter
 *
 * What a secondary was handed open keeps powers that no other part of its jail
 * takes away: a socket stays in the network of the host whoever holds it, and
 * can be disconnected and connected to something else; a tap can be made to
 * outlive its domain, and its MAC changes that of the bridge.  So the secondary
 * loses these system calls, whether its QEMU was built with seccomp or not.  A
 * filter of seccomp(2) cannot be taken back, is in the way of all threads and of
 * all that they start, and takes no file system and no library.
 *
 * When
 *
 *  before it is executed   by libxlDeviceModelSeccompConfine, in the process
 *                          that becomes the emulator: no io_uring, by which the
 *                          kernel would make system calls past any filter.  QEMU
 *                          has other ways to wait and to read, and chooses one
 *                          when it starts, so it must not find this one then.
 *                          It is root until it has opened the images, whose headers
 *                          may be an intruder's.  So it can neither signal, slow down
 *                          nor trace other processes, nor change the mode of root's
 *                          files, and become no other user than its own.
 *  when its machine is     by libxlDeviceModelSeccompSeal, where QEMU restricts
 *  built                   its Xen handles: all the rest.  Before that, it
 *                          connects to xenstored and listens on the sockets that
 *                          were handed to it.
 *
 * What is refused, with EPERM
 *
 *  another system call ABI than the program's own: its numbers are others
 *  socket, socketpair      none is needed any more, and some families, such as
 *                          AF_VSOCK, know no network namespace
 *  connect, bind, listen   a handed socket would become another one.  accept is
 *                          not among them
 *  clone                   with CLONE_PARENT: children of the daemon, which waits for
 *                          none that it does not know, and would keep their zombies.
 *                          clone3 is said not to be there, as its flags are in
 *                          memory: libc takes clone instead
 *  ptrace                  a tracer is told of the end of a process first, and keeps
 *                          it from the daemon for as long as it lives
 *  sendto and its kin      with MSG_FASTOPEN, which connects
 *  io_uring_*              see above
 *  add_key, request_key,   the kernel runs a program as root, in the network of
 *  keyctl                  the host, to find a key
 *  flock, and fcntl with   an image that several guests are based on is locked by
 *  the commands that lock  the daemon (libxl_devicemodel_lock.h): a lock of the
 *                          secondary's own could keep others from theirs
 *  ioctl                   by request:
 *     taps                 all but those of QEMU's tap-linux.c: offloads, the
 *                          header of a packet, the size of the send buffer
 *     sockets and network  all, wireless ones too: QEMU makes none, and a tap takes
 *     interfaces           them for its MAC, without a capability
 *     terminals            TIOCSTI and TIOCLINUX, by which one types for others;
 *                          TIOCSETD, which loads a driver
 *     SCSI, CDROM, NVMe,   all: QEMU reads and writes block devices, and a loop
 *     loop, reservations   device could be widened to all of its file.  The oldest
 *                          ones of SCSI have no kind of device in them, and share
 *                          their numbers with FIBMAP and FIGETBSZ, which QEMU does
 *                          without
 *     block devices        BLKTRACE*: whoever has a partition open traces its disk,
 *                          for as long as the host runs, into memory that counts
 *                          for nobody and that nothing limits
 *     btrfs                all: names, clones and snapshots of a file system
 *
 * Everything else passes, for now: this is no list of what QEMU needs.
 *
 * The file is built into the driver and into the scope library, and uses libc
 * and the kernel's headers only.
 */

#pragma once

#include <sys/types.h>

int
libxlDeviceModelSeccompConfine(uid_t uid);

int
libxlDeviceModelSeccompSeal(void);
