/*
 * libxl_devicemodel_registers.c: what a guest has written into the registers of a secondary
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <stddef.h>

#include "libxl_devicemodel_registers.h"

#define LIBXL_DEVICE_MODEL_REGISTER_WRITTEN 32 /* the first of the bits that say so */

/* Commands, by their names in the ATA standard. */
#define LIBXL_DEVICE_MODEL_IDE_DEVICE_RESET 0x08
#define LIBXL_DEVICE_MODEL_IDE_PACKET 0xa0
#define LIBXL_DEVICE_MODEL_IDE_IDENTIFY_PACKET 0xa1
#define LIBXL_DEVICE_MODEL_IDE_FLUSH 0xe7
#define LIBXL_DEVICE_MODEL_IDE_FLUSH_EXT 0xea
#define LIBXL_DEVICE_MODEL_IDE_IDENTIFY 0xec

/* Where a channel refuses commands: that one was refused, and which ports were written to
 * since.  All of these say where a command reads or writes. */
#define LIBXL_DEVICE_MODEL_REFUSES_ONE 0x02
#define LIBXL_DEVICE_MODEL_REFUSES_WRITTEN(port) (0x100U << (port))
#define LIBXL_DEVICE_MODEL_REFUSES_ANEW \
    (LIBXL_DEVICE_MODEL_REFUSES_WRITTEN(2) | LIBXL_DEVICE_MODEL_REFUSES_WRITTEN(3) | \
     LIBXL_DEVICE_MODEL_REFUSES_WRITTEN(4) | LIBXL_DEVICE_MODEL_REFUSES_WRITTEN(5) | \
     LIBXL_DEVICE_MODEL_REFUSES_WRITTEN(6))

#define LIBXL_DEVICE_MODEL_CONFIG_SIZE (4 * LIBXL_DEVICE_MODEL_REGISTERS_CONFIG)

static const unsigned int libxlDeviceModelUARTPorts[] = LIBXL_DEVICE_MODEL_REGISTERS_UART_PORTS;
static const unsigned int libxlDeviceModelIDEPorts[] = LIBXL_DEVICE_MODEL_REGISTERS_IDE_PORTS;
static const unsigned int libxlDeviceModelIDEControls[] = LIBXL_DEVICE_MODEL_REGISTERS_IDE_CONTROLS;


/**
 * libxlDeviceModelRegisterGet:
 *
 * Returns the value of the register, 0 in the bytes that were not written, whatever an
 * intruder has put there.
 */
uint32_t
libxlDeviceModelRegisterGet(uint64_t cell)
{
    uint32_t written = 0;
    unsigned int i;

    for (i = 0; i < sizeof(written); i++) {
        if (libxlDeviceModelRegisterIsWritten(cell, i, 1))
            written |= 0xffU << 8 * i;
    }

    return cell & written;
}


/**
 * libxlDeviceModelRegisterIsWritten:
 *
 * Returns whether @size bytes of the register, from its byte @first on, were written.
 */
bool
libxlDeviceModelRegisterIsWritten(uint64_t cell,
                                  unsigned int first,
                                  unsigned int size)
{
    unsigned int bytes = ((1U << size) - 1) << first;

    return ((cell >> LIBXL_DEVICE_MODEL_REGISTER_WRITTEN) & bytes) == bytes;
}


static uint64_t
libxlDeviceModelRegisterSet(uint64_t cell,
                            unsigned int byte,
                            uint8_t value)
{
    cell &= ~((uint64_t)0xff << 8 * byte);
    cell |= (uint64_t)value << 8 * byte;
    return cell | (uint64_t)1 << (LIBXL_DEVICE_MODEL_REGISTER_WRITTEN + byte);
}


static uint64_t
libxlDeviceModelRegisterLoad(const uint64_t *cell)
{
    return __atomic_load_n(cell, __ATOMIC_RELAXED);
}


static void
libxlDeviceModelRegisterStore(uint64_t *cell, /* NOLINT(readability-non-const-parameter) */
                              uint64_t value)
{
    __atomic_store_n(cell, value, __ATOMIC_RELAXED);
}


static void
libxlDeviceModelRegisterStoreByte(uint64_t *cell,
                                  unsigned int byte,
                                  uint8_t value)
{
    libxlDeviceModelRegisterStore(cell,
                                  libxlDeviceModelRegisterSet(libxlDeviceModelRegisterLoad(cell),
                                                              byte, value));
}


/**
 * libxlDeviceModelWriteInit:
 * @write: filled in
 * @request: a copy of what is in an ioreq server
 *
 * Returns whether the request is a write that may concern a register.
 */
bool
libxlDeviceModelWriteInit(libxlDeviceModelWrite *write,
                          const ioreq_t *request)
{
    uint32_t function = request->addr >> 32;

    if (request->dir != IOREQ_WRITE || request->data_is_ptr || request->count != 1 ||
        (request->size != 1 && request->size != 2 && request->size != 4))
        return false;

    write->config = request->type == IOREQ_TYPE_PCI_CONFIG;
    write->slot = (function >> 3) & 0x1f;
    write->function = function & 7;
    write->address = request->addr;
    write->size = request->size;
    write->data = request->data;

    if (write->config)
        return function <= UINT8_MAX && write->address < LIBXL_DEVICE_MODEL_CONFIG_SIZE;

    return request->type == IOREQ_TYPE_PIO && request->addr <= UINT16_MAX;
}


/* QEMU drops what lies behind the end. */
static void
libxlDeviceModelRegistersNoteConfig(uint64_t *config,
                                    const libxlDeviceModelWrite *write)
{
    unsigned int i = 0;

    while (i < write->size && write->address + i < LIBXL_DEVICE_MODEL_CONFIG_SIZE) {
        unsigned int number = (write->address + i) / 4;
        uint64_t cell = libxlDeviceModelRegisterLoad(&config[number]);

        do {
            cell = libxlDeviceModelRegisterSet(cell, (write->address + i) % 4,
                                               write->data >> 8 * i);
            i++;
        } while (i < write->size && (write->address + i) % 4 != 0);

        libxlDeviceModelRegisterStore(&config[number], cell);
    }
}


static void
libxlDeviceModelRegistersNoteUART(uint64_t *uart,
                                  unsigned int offset,
                                  uint8_t value)
{
    uint32_t lcr = libxlDeviceModelRegisterGet(libxlDeviceModelRegisterLoad(&uart[LIBXL_DEVICE_MODEL_UART_LCR]));
    bool latch = lcr & LIBXL_DEVICE_MODEL_UART_DLAB;
    libxlDeviceModelUART number;

    switch (offset) {
    case 0:
        /* data, otherwise */
        if (!latch)
            return;
        number = LIBXL_DEVICE_MODEL_UART_DLL;
        break;
    case 1:
        number = latch ? LIBXL_DEVICE_MODEL_UART_DLM : LIBXL_DEVICE_MODEL_UART_IER;
        break;
    case 2:
        number = LIBXL_DEVICE_MODEL_UART_FCR;
        break;
    case 3:
        number = LIBXL_DEVICE_MODEL_UART_LCR;
        break;
    case 4:
        number = LIBXL_DEVICE_MODEL_UART_MCR;
        break;
    case 7:
        number = LIBXL_DEVICE_MODEL_UART_SCR;
        break;
    default:
        return;
    }

    libxlDeviceModelRegisterStoreByte(&uart[number], 0, value);
}


/* A port of the command block but the first. */
static void
libxlDeviceModelRegistersNoteIDE(uint64_t *channel,
                                 unsigned int offset,
                                 uint8_t value)
{
    uint64_t *cell = &channel[LIBXL_DEVICE_MODEL_IDE_FEATURES + offset - 1];
    uint64_t old;

    if (offset == 6) {
        libxlDeviceModelRegisterStoreByte(&channel[LIBXL_DEVICE_MODEL_IDE_DEVICE], 0, value);
    } else if (offset == LIBXL_DEVICE_MODEL_IDE_COMMAND_PORT) {
        libxlDeviceModelRegisterStoreByte(&channel[LIBXL_DEVICE_MODEL_IDE_COMMAND], 0, value);
    } else if (offset < 6) {
        old = libxlDeviceModelRegisterLoad(cell);
        if (libxlDeviceModelRegisterIsWritten(old, 0, 1))
            old = libxlDeviceModelRegisterSet(old, 1, libxlDeviceModelRegisterGet(old));
        libxlDeviceModelRegisterStore(cell, libxlDeviceModelRegisterSet(old, 0, value));
    }
}


/* A reset leaves in the command block what tells a disk from a cdrom drive, as in a
 * drive that was never written to. */
static void
libxlDeviceModelRegistersNoteControl(uint64_t *channel,
                                     uint8_t value)
{
    size_t i;

    if (value & LIBXL_DEVICE_MODEL_IDE_RESET) {
        for (i = LIBXL_DEVICE_MODEL_IDE_FEATURES; i <= LIBXL_DEVICE_MODEL_IDE_COMMAND; i++)
            libxlDeviceModelRegisterStore(&channel[i], 0);
        libxlDeviceModelRegisterStore(&channel[LIBXL_DEVICE_MODEL_IDE_REFUSES], 0);
    }

    libxlDeviceModelRegisterStoreByte(&channel[LIBXL_DEVICE_MODEL_IDE_CONTROL], 0, value);
}


/* QEMU takes command and status by bytes only, and the address in any size (hw/ide/pci.c,
 * piix.c). */
static void
libxlDeviceModelRegistersNoteMaster(uint64_t *channel,
                                    unsigned int offset,
                                    const libxlDeviceModelWrite *write)
{
    uint64_t *cell = &channel[LIBXL_DEVICE_MODEL_IDE_TABLE];
    uint64_t table = libxlDeviceModelRegisterLoad(cell);
    unsigned int i;

    if (offset < 4) {
        if (write->size == 1)
            libxlDeviceModelRegisterStoreByte(&channel[LIBXL_DEVICE_MODEL_IDE_MASTER],
                                              offset, write->data);
        return;
    }

    for (i = 0; i < write->size && offset + i < 8; i++)
        table = libxlDeviceModelRegisterSet(table, offset + i - 4, write->data >> 8 * i);

    libxlDeviceModelRegisterStore(cell, table);
}


/**
 * libxlDeviceModelRegistersMaster:
 *
 * Returns the first of the 16 ports at which the guest has put the bus master of the
 * IDE controller, 8 for each channel, or 0.
 */
unsigned int
libxlDeviceModelRegistersMaster(const libxlDeviceModelRegisters *registers)
{
    uint64_t bar = libxlDeviceModelRegisterLoad(&registers->config[LIBXL_DEVICE_MODEL_REGISTERS_IDE_SLOT]
                                                                  [LIBXL_DEVICE_MODEL_REGISTERS_IDE_BAR / 4]);
    uint32_t port = libxlDeviceModelRegisterGet(bar) & ~0xfU;

    return port <= UINT16_MAX ? port : 0;
}


/* The first port of the command block takes data of 2 and 4 bytes (QEMU hw/ide/ioport.c,
 * ide_portio_list); elsewhere 2 bytes are two writes, 4 are none. */
static bool
libxlDeviceModelRegistersNoteChannels(libxlDeviceModelRegisters *registers,
                                      const libxlDeviceModelWrite *write)
{
    unsigned int offset;
    unsigned int i;
    size_t c;

    for (c = 0; c < LIBXL_DEVICE_MODEL_REGISTERS_CHANNELS; c++) {
        offset = write->address - libxlDeviceModelIDEPorts[c];

        if (write->address == libxlDeviceModelIDEControls[c]) {
            libxlDeviceModelRegistersNoteControl(registers->channels[c], write->data);
            return true;
        }

        if (offset == 0)
            return true;

        if (offset < LIBXL_DEVICE_MODEL_REGISTERS_PORTS) {
            for (i = 0; write->size < 4 && i < write->size; i++)
                libxlDeviceModelRegistersNoteIDE(registers->channels[c], offset + i,
                                                 write->data >> 8 * i);
            return true;
        }
    }

    return false;
}


static bool
libxlDeviceModelRegistersNoteUARTs(libxlDeviceModelRegisters *registers,
                                   const libxlDeviceModelWrite *write)
{
    unsigned int offset;
    unsigned int i;
    size_t u;

    for (u = 0; u < LIBXL_DEVICE_MODEL_REGISTERS_UARTS; u++) {
        offset = write->address - libxlDeviceModelUARTPorts[u];

        if (offset < LIBXL_DEVICE_MODEL_REGISTERS_PORTS) {
            for (i = 0; i < write->size; i++)
                libxlDeviceModelRegistersNoteUART(registers->uarts[u], offset + i,
                                                  write->data >> 8 * i);
            return true;
        }
    }

    return false;
}


/**
 * libxlDeviceModelRegistersNote:
 * @registers: the registers
 * @write: a write to a function or port that is the secondary's
 *
 * Note what the guest has written, if it is one of the registers.  Nothing is locked: a
 * device is served by one thread.
 */
void
libxlDeviceModelRegistersNote(libxlDeviceModelRegisters *registers,
                              const libxlDeviceModelWrite *write)
{
    unsigned int master;

    if (write->config) {
        libxlDeviceModelRegistersNoteConfig(registers->config[write->slot], write);
        return;
    }

    if (libxlDeviceModelRegistersNoteUARTs(registers, write) ||
        libxlDeviceModelRegistersNoteChannels(registers, write))
        return;

    master = libxlDeviceModelRegistersMaster(registers);
    if (master != 0 && write->address - master < 16)
        libxlDeviceModelRegistersNoteMaster(registers->channels[(write->address - master) / 8],
                                            (write->address - master) % 8, write);
}


/* Whether it reads and writes no sector, and nothing through the bus master. */
static bool
libxlDeviceModelCommandIsPlain(uint8_t command)
{
    return command == LIBXL_DEVICE_MODEL_IDE_DEVICE_RESET ||
           command == LIBXL_DEVICE_MODEL_IDE_IDENTIFY_PACKET ||
           command == LIBXL_DEVICE_MODEL_IDE_IDENTIFY ||
           command == LIBXL_DEVICE_MODEL_IDE_FLUSH ||
           command == LIBXL_DEVICE_MODEL_IDE_FLUSH_EXT;
}


/* Returns the command that is carried out in the place of @command. */
static uint8_t
libxlDeviceModelRegistersFilterCommand(uint64_t *cell,
                                       uint8_t command)
{
    uint64_t refuses = libxlDeviceModelRegisterLoad(cell);

    if (refuses == 0 || libxlDeviceModelCommandIsPlain(command))
        return command;

    if ((refuses & LIBXL_DEVICE_MODEL_REFUSES_ANEW) == LIBXL_DEVICE_MODEL_REFUSES_ANEW) {
        libxlDeviceModelRegisterStore(cell, 0);
        return command;
    }

    if (refuses & LIBXL_DEVICE_MODEL_REFUSES_ONE && command == LIBXL_DEVICE_MODEL_IDE_PACKET)
        return command;

    libxlDeviceModelRegisterStore(cell, LIBXL_DEVICE_MODEL_REFUSES | LIBXL_DEVICE_MODEL_REFUSES_ONE);
    return LIBXL_DEVICE_MODEL_IDE_NO_COMMAND;
}


/* Returns what a port of a channel is to have in the place of @value. */
static uint8_t
libxlDeviceModelRegistersFilterByte(uint64_t *channel,
                                    unsigned int offset,
                                    uint8_t value)
{
    uint64_t *cell = &channel[LIBXL_DEVICE_MODEL_IDE_REFUSES];
    uint64_t refuses = libxlDeviceModelRegisterLoad(cell);

    if (offset == LIBXL_DEVICE_MODEL_IDE_COMMAND_PORT)
        return libxlDeviceModelRegistersFilterCommand(cell, value);

    if (refuses & LIBXL_DEVICE_MODEL_REFUSES_ONE)
        libxlDeviceModelRegisterStore(cell, refuses | LIBXL_DEVICE_MODEL_REFUSES_WRITTEN(offset));

    return value;
}


/**
 * libxlDeviceModelRegistersFilter:
 * @registers: the registers
 * @write: a write to a function or port that is the secondary's, before it is noted
 *
 * Returns what is to be written: @write's data, but for a command that is refused.
 */
uint32_t
libxlDeviceModelRegistersFilter(libxlDeviceModelRegisters *registers,
                                const libxlDeviceModelWrite *write)
{
    uint32_t data = write->data;
    unsigned int offset;
    unsigned int i;
    size_t c;

    for (c = 0; !write->config && c < LIBXL_DEVICE_MODEL_REGISTERS_CHANNELS; c++) {
        for (i = 0; i < write->size; i++) {
            offset = write->address + i - libxlDeviceModelIDEPorts[c];
            if (offset > LIBXL_DEVICE_MODEL_IDE_COMMAND_PORT)
                continue;

            data &= ~(0xffU << 8 * i);
            data |= (uint32_t)libxlDeviceModelRegistersFilterByte(registers->channels[c], offset,
                                                                  write->data >> 8 * i) << 8 * i;
        }
    }

    return data;
}


/**
 * libxlDeviceModelWriteGetCommanded:
 * @write: a write
 *
 * Returns the IDE channel to which it is a command, as a bit 1 << channel, or 0.
 */
unsigned int
libxlDeviceModelWriteGetCommanded(const libxlDeviceModelWrite *write)
{
    size_t c;

    for (c = 0; !write->config && c < LIBXL_DEVICE_MODEL_REGISTERS_CHANNELS; c++) {
        if (libxlDeviceModelIDEPorts[c] + LIBXL_DEVICE_MODEL_IDE_COMMAND_PORT - write->address < write->size)
            return 1U << c;
    }

    return 0;
}


/* A write to a port, as a number that is never 0; 0 for one to the configuration space, which
 * can be noted twice. */
static uint64_t
libxlDeviceModelWriteGetKey(const libxlDeviceModelWrite *write)
{
    if (write->config)
        return 0;

    return (uint64_t)write->size << 48 | (uint64_t)write->data << 16 | (write->address & 0xffff);
}


/**
 * libxlDeviceModelRegistersBegin:
 * @registers: the registers, in which the write was noted
 * @vcpu: who waits
 * @write: what is served now
 */
void
libxlDeviceModelRegistersBegin(libxlDeviceModelRegisters *registers,
                               unsigned int vcpu,
                               const libxlDeviceModelWrite *write)
{
    if (vcpu < LIBXL_DEVICE_MODEL_REGISTERS_VCPUS)
        libxlDeviceModelRegisterStore(&registers->noted[vcpu], libxlDeviceModelWriteGetKey(write));
}


/**
 * libxlDeviceModelRegistersEnd:
 * @registers: the registers
 * @vcpu: who is told that the write was served
 */
void
libxlDeviceModelRegistersEnd(libxlDeviceModelRegisters *registers,
                             unsigned int vcpu)
{
    if (vcpu < LIBXL_DEVICE_MODEL_REGISTERS_VCPUS)
        libxlDeviceModelRegisterStore(&registers->noted[vcpu], 0);
}


/**
 * libxlDeviceModelRegistersHaveNoted:
 * @registers: the registers
 * @vcpu: who waits
 * @write: for what
 *
 * Returns whether that was noted by the process that has not served it.
 */
bool
libxlDeviceModelRegistersHaveNoted(const libxlDeviceModelRegisters *registers,
                                   unsigned int vcpu,
                                   const libxlDeviceModelWrite *write)
{
    uint64_t key = libxlDeviceModelWriteGetKey(write);

    return key != 0 && vcpu < LIBXL_DEVICE_MODEL_REGISTERS_VCPUS &&
           libxlDeviceModelRegisterLoad(&registers->noted[vcpu]) == key;
}
