/*
 * libxl_devicemodel_replay.h: a process takes the place of a secondary that has ended
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The devices of a process that has just started are as after a reset, while the
 * guest's drivers go on with devices that they have set up.  What only firmware and
 * operating system write, once, is replayed: where a PCI function is and whether it
 * answers there, and the registers of UARTs and IDE channels, as the guest has written
 * them last (libxl_devicemodel_registers.h).  QEMU's own monitor does that, its own host
 * bridge decodes it, and Xen hears of the BARs as it did of the first ones.  It has
 * to be done when the scope is sealed, so that BARs are taken for such, and before the
 * process serves the guest.
 *
 * Why the guest's memory is safe
 *
 *  A device reads and writes the guest's memory at the addresses that its driver has
 *  given it.  A state that was saved before has old ones, to memory that is somebody
 *  else's by now.  A device after a reset has none, and does not use them: receiver,
 *  transmitter and bus master are off, whether or not the function may be a master by
 *  its command register.  What remains is a driver that switches them on without
 *  having given the addresses to *this* device, which decides for each kind:
 *
 *  e1000, e1000e, rtl8139
 *             Both are off; what the driver writes to a ring's end has no effect.  The
 *             watchdog of its transmit queue then has it set up everything, addresses
 *             before the bits that switch on.  It may write such a bit alone before:
 *             Linux' e1000 and e1000e do when a link comes back (e1000_watchdog() and
 *             e1000_watchdog_task()), which they believe when what they read while nobody
 *             served were ones; and who reads a register and writes it back with a change
 *             writes ones (e1000_set_rx_mode()).  An e1000e is told alone which of its messages
 *             are for what (e1000e_up()).  QEMU would take guest address 0 for a ring, and write
 *             where that points, or write a message there.  So the bit is taken out until the guest has told this
 *             process where (libxlDeviceModelReplayGuard, libxl_devicemodel_dma.h), whatever
 *             it had told the one before: a driver that was in the midst of that finds a NIC
 *             that does nothing, and resets it.
 *  ne2k_pci   never uses the guest's memory.
 *  IDE        The bus master runs with a command, for which the driver gives it the
 *             address of a table, and the drive the numbers of sectors, just before.
 *             If a process ends between these and the command, a fresh one would read
 *             its table at 0 and write to sector 0.  So these are replayed as well: a
 *             drive has no others, and a table of a command that has ended is not used.
 *             The bit that starts the bus master is not.  All of that holds for a guest that
 *             was held, so that no access was lost.  Where one may have been, the drives refuse
 *             commands until the guest has begun anew or has reset them
 *             (libxlDeviceModelReplayRefuse): not by a reset that is begun here, as QEMU ends
 *             one by itself (ide_bus_perform_srst in hw/ide/core.c).  A command of which the
 *             guest has not seen the end has failed, whatever the dead has done of it
 *             (libxlDeviceModelReplayAbort): drivers do it again.
 *  UART       never uses the guest's memory.  Where the guest was not held, some of what it has
 *             written may be missing, without which it waits for ever: that is assumed
 *             (libxlDeviceModelReplayAssume).
 *
 *  Never restarted, since their drivers switch on what has no address:
 *
 *  virtio     Its rings' addresses are given once, and the driver does not reset it.
 *  pcnet      Linux gives the address of the block with those of the rings when the
 *             interface is opened, and the watchdog only tells the card to read it again
 *             (pcnet32_restart()): from 0, and then from wherever that says.
 *  sound      The bits that switch the streams of an ES1370 on are in one register, and whoever
 *             starts or stops one of them writes all (snd_ensoniq_trigger() in Linux'
 *             sound/pci/ens1370.c), those of streams that were given their buffers earlier,
 *             too.  Of the others nothing is known.
 *
 *  Nor is one whose disk's image is a 'qcow2' with a write cache: QEMU writes its tables when
 *  the guest flushes, and the guest, which has lost its drive but not its own memory, flushes
 *  in a process that does not have them.
 *
 *  What a guest has set with the command SET FEATURES is not known: one that has switched a
 *  drive's write cache off, and sends no flushes, relies on the host's not to crash after
 *  that.
 *
 *  An e1000e is back when the guest has closed and opened its interface: its interrupts
 *  are messages, whose table is in its memory range and is not remembered.  Linux writes it
 *  when it gives an interrupt back and when it asks for one (msi_domain_deactivate() and
 *  msi_domain_activate() in its kernel/irq/msi.c).  Until then none is sent, by the same guard.
 *
 * Why what is read may come from an intruder
 *
 *  Which registers are replayed is decided by the configuration of the secondary and by
 *  tables here, not by the file, and which of their bits can be written by the fresh
 *  device.  A value is one that the guest might have written, and a process
 *  that was taken over could have registered any range with Xen itself.  It gains that its
 *  successor's may be those that Xen prefers to those of device models that were started
 *  after it: it asks the one whose server has the higher number.  So BARs are not put where
 *  no guest does, and where the ranges are that do not move: below port 0x1000 (of ISA
 *  devices, serial ports and IDE channels among them), below 1 MiB (of the display).  One
 *  over the guest's memory gets no access: Xen asks a device model for what is no memory
 *  only.
 */

#pragma once

#include "libxl_devicemodel_conf.h"
#include "libxl_devicemodel_registers.h"

const char *
libxlDeviceModelReplayRefusal(const libxlDeviceModelConfig *config);

const char *
libxlDeviceModelReplayHint(const libxlDeviceModelConfig *config,
                           long long away);

char **
libxlDeviceModelReplayPlan(const libxlDeviceModelConfig *config,
                           const libxlDeviceModelRegisters *registers);

void
libxlDeviceModelReplayRefuse(const libxlDeviceModelConfig *config,
                             libxlDeviceModelRegisters *registers);

void
libxlDeviceModelReplayAssume(const libxlDeviceModelConfig *config,
                             libxlDeviceModelRegisters *registers);

void
libxlDeviceModelReplayGuard(const libxlDeviceModelConfig *config,
                            libxlDeviceModelRegisters *registers);

char **
libxlDeviceModelReplayInterrupts(const libxlDeviceModelConfig *config,
                                 const libxlDeviceModelRegisters *before,
                                 const libxlDeviceModelRegisters *now,
                                 unsigned int commanded);

bool
libxlDeviceModelReplayIsLatched(const libxlDeviceModelConfig *config,
                                const libxlDeviceModelRegisters *registers);

char **
libxlDeviceModelReplayAgain(const libxlDeviceModelConfig *config,
                            const libxlDeviceModelRegisters *told,
                            const libxlDeviceModelRegisters *now);

char **
libxlDeviceModelReplayLate(const libxlDeviceModelConfig *config,
                           const libxlDeviceModelRegisters *registers,
                           const libxlDeviceModelWrite *write);

bool
libxlDeviceModelReplayHolds(const virDomainDef *def,
                            const virDomainDeviceModelDef *dmdef,
                            const libxlDeviceModelConfig *config);
