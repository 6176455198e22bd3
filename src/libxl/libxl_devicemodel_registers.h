/*
 * libxl_devicemodel_registers.h: what a guest has written into the registers of a secondary
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The registers are those that another process needs to take the place of a
 * secondary that has ended (libxl_devicemodel_replay.h).  The scope library notes
 * each write while the secondary serves it (libxl_devicemodel_scope_memory.c), in a
 * file that the driver has made and reads later (libxl_devicemodel_registers_file.h).
 * The format of the file is the struct, of one version: both are of one build as a
 * rule, and whoever finds another version has none, but for the driver, which reads the
 * one before, too.  Who changes the struct has it do so again.
 *
 * What counts
 *
 *  A write counts from the moment when it waits for the device model.  From then on
 *  the guest takes it for done, whether the process lives to carry it out or not: a
 *  vCPU that is freed of a dead one goes on as after any write.  Requests that the
 *  process has not even looked at are for the driver to note, which finds them in the
 *  ioreq server.  One that was noted, and waits there because the process ended before it
 *  served it, must not be noted again: an IDE channel has what was written last and what
 *  was before, so that twice is not as once.
 *
 *  Bytes are noted, not registers, as QEMU takes them apart, so that a byte or word
 *  that is written into a register leaves the rest of it as it was.  What is written
 *  last is what counts, be it the ones by which a guest measures a BAR: it is about
 *  to write the value, or it would not have asked.  QEMU maps no such BAR.
 *
 *  A drive that may have missed a part of what belongs to a command does not carry it out: the
 *  driver has marked its channel, and what the guest writes as a command is made one that
 *  no drive has, in the request itself, just before QEMU looks at it.  (What would make a NIC
 *  use the guest's memory is changed likewise: libxl_devicemodel_dma.h.)  It ends when the guest
 *  resets the channel, or has begun anew: one command was refused, and all that says where
 *  another reads or writes was written after that.  A command that says no such thing is carried
 *  out at any time, but for one with a packet, which says whether data comes through the bus
 *  master: that takes a refused one before.
 *
 *  Reads leave nothing behind.  Those that change a device (the status of a UART or a
 *  drive, received data) take back what the device had to say, and a fresh one has
 *  nothing to say yet.  Data that is written is no register either.  Nor is looked at
 *  what a string instruction fetches from the guest's memory: data is written so,
 *  registers are not.
 *
 * A register is a cell of 64 bits, its value in the low half, and above it a bit for
 * each byte of it that was written.  It is written at once, so that a process that is
 * killed in between leaves the old one or the new one.
 *
 * Only libc and Xen's headers are used, because the library is loaded into an
 * emulator that knows nothing of libvirt.
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <xen/hvm/ioreq.h>

#define LIBXL_DEVICE_MODEL_REGISTERS_VERSION 5U

#define LIBXL_DEVICE_MODEL_REGISTERS_SLOTS 32 /* of PCI bus 0 */
#define LIBXL_DEVICE_MODEL_REGISTERS_CONFIG 64 /* of 4 bytes, of a PCI function */
#define LIBXL_DEVICE_MODEL_REGISTERS_UARTS 4
#define LIBXL_DEVICE_MODEL_REGISTERS_CHANNELS 2 /* of the IDE controller */
#define LIBXL_DEVICE_MODEL_REGISTERS_VCPUS 128

/* The IDE controller of a PC: its slot, its function there, and where its BAR is. */
#define LIBXL_DEVICE_MODEL_REGISTERS_IDE_SLOT 1
#define LIBXL_DEVICE_MODEL_REGISTERS_IDE_FUNCTION 1
#define LIBXL_DEVICE_MODEL_REGISTERS_IDE_BAR 0x20

/* The first port of each UART and channel, how many ports one has, and the one with which
 * a channel is controlled (QEMU hw/char/serial-isa.c and hw/ide/piix.c). */
#define LIBXL_DEVICE_MODEL_REGISTERS_PORTS 8
#define LIBXL_DEVICE_MODEL_REGISTERS_UART_PORTS { 0x3f8, 0x2f8, 0x3e8, 0x2e8 }
#define LIBXL_DEVICE_MODEL_REGISTERS_IDE_PORTS { 0x1f0, 0x170 }
#define LIBXL_DEVICE_MODEL_REGISTERS_IDE_CONTROLS { 0x3f6, 0x376 }

typedef enum {
    LIBXL_DEVICE_MODEL_UART_IER = 0, /* which interrupts */
    LIBXL_DEVICE_MODEL_UART_FCR, /* FIFO control */
    LIBXL_DEVICE_MODEL_UART_LCR, /* line control */
    LIBXL_DEVICE_MODEL_UART_MCR, /* modem control */
    LIBXL_DEVICE_MODEL_UART_SCR, /* scratch */
    LIBXL_DEVICE_MODEL_UART_DLL, /* divisor latch */
    LIBXL_DEVICE_MODEL_UART_DLM,

    LIBXL_DEVICE_MODEL_UART_LAST
} libxlDeviceModelUART;

/* In LCR: the first two ports are the divisor latch. */
#define LIBXL_DEVICE_MODEL_UART_DLAB 0x80

typedef enum {
    /* Those that a command takes with it, in the order of their ports from the second
     * on: the byte that was written last, and above it the one before, which a command
     * with 48 bits of address takes, too. */
    LIBXL_DEVICE_MODEL_IDE_FEATURES = 0,
    LIBXL_DEVICE_MODEL_IDE_COUNT,
    LIBXL_DEVICE_MODEL_IDE_LOW,
    LIBXL_DEVICE_MODEL_IDE_MID,
    LIBXL_DEVICE_MODEL_IDE_HIGH,

    LIBXL_DEVICE_MODEL_IDE_DEVICE,
    LIBXL_DEVICE_MODEL_IDE_COMMAND, /* the last since a reset; not written again */
    LIBXL_DEVICE_MODEL_IDE_CONTROL,
    LIBXL_DEVICE_MODEL_IDE_MASTER, /* bus master: command, and status in the third byte */
    LIBXL_DEVICE_MODEL_IDE_TABLE, /* where the addresses for the bus master are */
    LIBXL_DEVICE_MODEL_IDE_REFUSES, /* no register: not 0 while commands are refused */

    LIBXL_DEVICE_MODEL_IDE_LAST
} libxlDeviceModelIDE;

/* In the control register. */
#define LIBXL_DEVICE_MODEL_IDE_RESET 0x04
#define LIBXL_DEVICE_MODEL_IDE_QUIET 0x02 /* no interrupts */

/* No drive has this one: it ends with an error, and changes nothing (ide_exec_cmd in QEMU's
 * hw/ide/core.c). */
#define LIBXL_DEVICE_MODEL_IDE_NO_COMMAND 0x00

#define LIBXL_DEVICE_MODEL_IDE_COMMAND_PORT 7 /* of a channel */

/* A channel that refuses commands. */
#define LIBXL_DEVICE_MODEL_REFUSES 0x01

/* Kinds of devices that are guarded, see libxl_devicemodel_dma.h. */
typedef enum {
    LIBXL_DEVICE_MODEL_DMA_NONE = 0,
    LIBXL_DEVICE_MODEL_DMA_E1000,
    LIBXL_DEVICE_MODEL_DMA_E1000E,
    LIBXL_DEVICE_MODEL_DMA_RTL8139,

    LIBXL_DEVICE_MODEL_DMA_LAST
} libxlDeviceModelDMAKind;

/* What a process was given. */
typedef struct _libxlDeviceModelDMAState libxlDeviceModelDMAState;
struct _libxlDeviceModelDMAState {
    uint64_t written; /* bits 1 << register of a table */
    uint64_t on; /* bits 1 << switch of a table */
};

/* A guarded device. */
typedef struct _libxlDeviceModelDMA libxlDeviceModelDMA;
struct _libxlDeviceModelDMA {
    uint64_t kind; /* libxlDeviceModelDMAKind; no device follows the first that is none */
    uint64_t slot; /* it is function 0 there */
    libxlDeviceModelDMAState reset; /* where a reset by the guest resets the device */
    libxlDeviceModelDMAState kept; /* where it may leave it as it was */
    uint64_t window; /* which register the guest reaches through its ports */
};

typedef struct _libxlDeviceModelRegisters libxlDeviceModelRegisters;
struct _libxlDeviceModelRegisters {
    uint64_t version;
    /* of the one function in a slot that a secondary claims */
    uint64_t config[LIBXL_DEVICE_MODEL_REGISTERS_SLOTS][LIBXL_DEVICE_MODEL_REGISTERS_CONFIG];
    uint64_t uarts[LIBXL_DEVICE_MODEL_REGISTERS_UARTS][LIBXL_DEVICE_MODEL_UART_LAST];
    uint64_t channels[LIBXL_DEVICE_MODEL_REGISTERS_CHANNELS][LIBXL_DEVICE_MODEL_IDE_LAST];
    uint64_t noted[LIBXL_DEVICE_MODEL_REGISTERS_VCPUS]; /* the write to a port that was noted, and
                                                           is being served; 0 for none */
    libxlDeviceModelDMA dma[LIBXL_DEVICE_MODEL_REGISTERS_SLOTS];
};

/* A write of a guest. */
typedef struct _libxlDeviceModelWrite libxlDeviceModelWrite;
struct _libxlDeviceModelWrite {
    bool config; /* of a PCI function of bus 0, not to a port */
    unsigned int slot;
    unsigned int function;
    unsigned int address; /* in the configuration space, or the port */
    unsigned int size; /* 1, 2 or 4 bytes */
    uint32_t data;
};

bool
libxlDeviceModelWriteInit(libxlDeviceModelWrite *write,
                          const ioreq_t *request);

void
libxlDeviceModelRegistersNote(libxlDeviceModelRegisters *registers,
                              const libxlDeviceModelWrite *write);

uint32_t
libxlDeviceModelRegistersFilter(libxlDeviceModelRegisters *registers,
                                const libxlDeviceModelWrite *write);

unsigned int
libxlDeviceModelWriteGetCommanded(const libxlDeviceModelWrite *write);

void
libxlDeviceModelRegistersBegin(libxlDeviceModelRegisters *registers,
                               unsigned int vcpu,
                               const libxlDeviceModelWrite *write);

void
libxlDeviceModelRegistersEnd(libxlDeviceModelRegisters *registers,
                             unsigned int vcpu);

bool
libxlDeviceModelRegistersHaveNoted(const libxlDeviceModelRegisters *registers,
                                   unsigned int vcpu,
                                   const libxlDeviceModelWrite *write);

uint32_t
libxlDeviceModelRegisterGet(uint64_t cell);

bool
libxlDeviceModelRegisterIsWritten(uint64_t cell,
                                  unsigned int first,
                                  unsigned int size);

unsigned int
libxlDeviceModelRegistersMaster(const libxlDeviceModelRegisters *registers);
