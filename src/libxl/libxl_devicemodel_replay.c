/*
 * libxl_devicemodel_replay.c: a process takes the place of a secondary that has ended
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "libxl_devicemodel_replay.h"

#include "libxl_devicemodel_dma.h"
#include "libxl_devicemodel_ioreq.h"
#include "virerror.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

/* The ports of the host bridge: the address, with a bit that makes it one, and data. */
#define LIBXL_DEVICE_MODEL_PCI_ADDRESS 0xcf8
#define LIBXL_DEVICE_MODEL_PCI_ADDRESS_ENABLE 0x80000000U
#define LIBXL_DEVICE_MODEL_PCI_DATA 0xcfc

#define LIBXL_DEVICE_MODEL_PCI_COMMAND 0x04
#define LIBXL_DEVICE_MODEL_PCI_CACHE_LINE 0x0c /* and the latency timer behind it */
#define LIBXL_DEVICE_MODEL_PCI_BAR 0x10
#define LIBXL_DEVICE_MODEL_PCI_BARS 6
#define LIBXL_DEVICE_MODEL_PCI_INTERRUPT 0x3c

/* Where BARs of a guest begin. */
#define LIBXL_DEVICE_MODEL_PORT_MIN 0x1000U
#define LIBXL_DEVICE_MODEL_MMIO_MIN 0x100000U

/* For how long an e1000 can be away, in microseconds. */
#define LIBXL_DEVICE_MODEL_WATCHDOG (5 * G_USEC_PER_SEC)

#define LIBXL_DEVICE_MODEL_IDE_DRIVER "piix3-ide"

/* Bits of the bus master that are replayed: the direction; which drives it is for. */
#define LIBXL_DEVICE_MODEL_MASTER_COMMAND 0x08
#define LIBXL_DEVICE_MODEL_MASTER_STATUS 0x60

/* What the device register is after a reset, with the bit that says which drive. */
#define LIBXL_DEVICE_MODEL_IDE_SELECT 0xa0
#define LIBXL_DEVICE_MODEL_IDE_UNIT_SHIFT 4

/* Bits of a UART's FIFO control that are no order to it. */
#define LIBXL_DEVICE_MODEL_UART_FCR_MASK 0xf9

/* In MCR: interrupts come through.  In IER: those for received data and for room. */
#define LIBXL_DEVICE_MODEL_UART_OUT2 0x08
#define LIBXL_DEVICE_MODEL_UART_DATA 0x03

typedef struct _libxlDeviceModelReplayRange libxlDeviceModelReplayRange;
struct _libxlDeviceModelReplayRange {
    unsigned int offset;
    unsigned int size;
};

/* By QEMU's names (hw/net, hw/ide/piix.c).  A device has no option ROM here. */
typedef struct _libxlDeviceModelReplayDevice libxlDeviceModelReplayDevice;
struct _libxlDeviceModelReplayDevice {
    const char *driver;
    unsigned int ports; /* bits 1 << BAR: those that are ports */
    unsigned int memory; /* likewise */
    libxlDeviceModelDMAKind dma; /* what is kept from the guest's memory at first */
    libxlDeviceModelReplayRange own[2]; /* registers that others do not have */
    const char *refusal; /* why it is never restarted */
};

static const libxlDeviceModelReplayDevice libxlDeviceModelReplayDevices[] = {
    { "rtl8139", 1 << 0, 1 << 1, LIBXL_DEVICE_MODEL_DMA_RTL8139, { { 0 } }, NULL },
    { "e1000", 1 << 1, 1 << 0, LIBXL_DEVICE_MODEL_DMA_E1000, { { 0 } }, NULL },
    /* the guest says there whether its interrupts are messages */
    { "e1000e", 1 << 2, 1 << 0 | 1 << 1 | 1 << 3, LIBXL_DEVICE_MODEL_DMA_E1000E, { { 0xa2, 2 } }, NULL },
    /* never uses the guest's memory */
    { "ne2k_pci", 1 << 0, 0, LIBXL_DEVICE_MODEL_DMA_NONE, { { 0 } }, NULL },
    /* the guest says there how fast the drives are */
    { LIBXL_DEVICE_MODEL_IDE_DRIVER, 1 << 4, 0, LIBXL_DEVICE_MODEL_DMA_NONE,
      { { 0x40, 4 }, { 0x44, 4 } }, NULL },
    { "pcnet", 0, 0, LIBXL_DEVICE_MODEL_DMA_NONE, { { 0 } },
      N_("the driver of a 'pcnet' interface does not tell it again where its rings are") },
    { "virtio-net-pci", 0, 0, LIBXL_DEVICE_MODEL_DMA_NONE, { { 0 } },
      N_("the driver of a 'virtio' interface does not tell it again where its rings are") },
};

static const unsigned int libxlDeviceModelReplayUARTPorts[] = LIBXL_DEVICE_MODEL_REGISTERS_UART_PORTS;
static const unsigned int libxlDeviceModelReplayIDEPorts[] = LIBXL_DEVICE_MODEL_REGISTERS_IDE_PORTS;
static const unsigned int libxlDeviceModelReplayIDEControls[] = LIBXL_DEVICE_MODEL_REGISTERS_IDE_CONTROLS;

G_STATIC_ASSERT(LIBXL_DEVICE_MODEL_SERIAL_MAX == LIBXL_DEVICE_MODEL_REGISTERS_UARTS);

/* Of each vCPU one write is noted, and one request copied. */
G_STATIC_ASSERT(LIBXL_DEVICE_MODEL_READY_MAX == LIBXL_DEVICE_MODEL_REGISTERS_VCPUS);


/* Returns NULL for a device that nothing is known of. */
static const libxlDeviceModelReplayDevice *
libxlDeviceModelReplayFind(const char *driver)
{
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(libxlDeviceModelReplayDevices); i++) {
        if (STREQ(driver, libxlDeviceModelReplayDevices[i].driver))
            return &libxlDeviceModelReplayDevices[i];
    }

    return NULL;
}


static bool
libxlDeviceModelReplayHas(const libxlDeviceModelConfig *config,
                          virDomainDeviceModelCapability cap)
{
    return config->capabilities & (1U << cap);
}


static const char *
libxlDeviceModelReplayRefuseDisks(const libxlDeviceModelConfig *config)
{
    size_t i;

    for (i = 0; i < config->ndisks; i++) {
        const libxlDeviceModelDisk *disk = &config->disks[i];

        if (disk->tables && !disk->readonly && !disk->writethrough)
            return _("what the guest has written to a 'qcow2' image and not flushed yet is lost, unless its cache is 'writethrough' or 'directsync'");
    }

    return NULL;
}


static const char *
libxlDeviceModelReplayRefuseNICs(const libxlDeviceModelConfig *config)
{
    size_t i;

    for (i = 0; i < config->nnics; i++) {
        const libxlDeviceModelReplayDevice *device =
            libxlDeviceModelReplayFind(config->nics[i].driver);

        if (!device)
            return _("nothing is known of one of its interfaces");
        if (device->refusal)
            return _(device->refusal);
    }

    return NULL;
}


static const char *
libxlDeviceModelReplayRefuseCapability(const libxlDeviceModelConfig *config,
                                       virDomainDeviceModelCapability cap)
{
    switch (cap) {
    case VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_IDE:
        return libxlDeviceModelReplayRefuseDisks(config);

    case VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_AUDIO:
        return _("the driver of a sound device does not tell it again where its buffers are");

    /* a UART never uses the guest's memory */
    case VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_SERIAL:
    /* never a secondary's */
    case VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_UI:
    case VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_LAST:
        break;
    }

    return NULL;
}


/**
 * libxlDeviceModelReplayRefusal:
 * @config: configuration of a secondary
 *
 * Returns why no process can take the place of this secondary, or NULL where one can.
 * The text belongs to nobody.
 */
const char *
libxlDeviceModelReplayRefusal(const libxlDeviceModelConfig *config)
{
    virDomainDeviceModelCapability cap;
    const char *refusal = NULL;

    for (cap = 0; cap < VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_LAST && !refusal; cap++) {
        if (libxlDeviceModelReplayHas(config, cap))
            refusal = libxlDeviceModelReplayRefuseCapability(config, cap);
    }

    return refusal ? refusal : libxlDeviceModelReplayRefuseNICs(config);
}


/**
 * libxlDeviceModelReplayHint:
 * @config: configuration of a secondary, in whose place another process serves
 * @away: for how many microseconds nobody did
 *
 * An e1000 that its driver has found missing stays so.  The driver looks when the watchdog
 * of the transmit queue strikes, some seconds after a transmit: 5 in Linux (watchdog_timeo
 * in drivers/net/ethernet/intel/e1000/e1000_main.c).
 *
 * Returns what is left to do for somebody in the guest, or NULL.  The text belongs to
 * nobody.
 */
const char *
libxlDeviceModelReplayHint(const libxlDeviceModelConfig *config,
                           long long away)
{
    size_t i;

    for (i = 0; i < config->nnics; i++) {
        if (STREQ(config->nics[i].driver, "e1000e") ||
            (STREQ(config->nics[i].driver, "e1000") && away >= LIBXL_DEVICE_MODEL_WATCHDOG))
            return _("an interface is back when the guest closes and opens it");
    }

    return NULL;
}


/* A command of QEMU's monitor: b, h and w are 1, 2 and 4 bytes. */
static void
libxlDeviceModelReplayAdd(GPtrArray *commands,
                          unsigned int port,
                          unsigned int size,
                          uint32_t value)
{
    static const char letters[] = { [1] = 'b', [2] = 'h', [4] = 'w' };

    g_ptr_array_add(commands,
                    g_strdup_printf("o/%c 0x%x 0x%x", letters[size], port,
                                    size == 4 ? value : value & ((1U << 8 * size) - 1)));
}


static void
libxlDeviceModelReplayAddConfig(GPtrArray *commands,
                                unsigned int devfn,
                                unsigned int offset,
                                unsigned int size,
                                uint32_t value)
{
    libxlDeviceModelReplayAdd(commands, LIBXL_DEVICE_MODEL_PCI_ADDRESS, 4,
                              LIBXL_DEVICE_MODEL_PCI_ADDRESS_ENABLE | devfn << 8 | (offset & ~3U));
    libxlDeviceModelReplayAdd(commands, LIBXL_DEVICE_MODEL_PCI_DATA + offset % 4, size, value);
}


/* What was written of a register; all of it at once, where all of it was. */
static void
libxlDeviceModelReplayConfig(GPtrArray *commands,
                             const uint64_t *config,
                             unsigned int devfn,
                             unsigned int offset,
                             unsigned int size)
{
    uint64_t cell = config[offset / 4];
    unsigned int first = offset % 4;
    unsigned int i;

    if (libxlDeviceModelRegisterIsWritten(cell, first, size)) {
        libxlDeviceModelReplayAddConfig(commands, devfn, offset, size,
                                        libxlDeviceModelRegisterGet(cell) >> 8 * first);
        return;
    }

    for (i = 0; i < size; i++) {
        if (libxlDeviceModelRegisterIsWritten(cell, first + i, 1))
            libxlDeviceModelReplayAddConfig(commands, devfn, offset + i, 1,
                                            libxlDeviceModelRegisterGet(cell) >> 8 * (first + i));
    }
}


/* A BAR that the guest has not placed is 0, one that it measures lies behind the end
 * of ports, or wherever the last of them is. */
static bool
libxlDeviceModelReplayCheckBAR(const libxlDeviceModelConfig *config,
                               const libxlDeviceModelReplayDevice *device,
                               unsigned int bar,
                               uint64_t cell)
{
    bool ports = device->ports & (1U << bar);
    uint32_t address = libxlDeviceModelRegisterGet(cell) & (ports ? ~0x3U : ~0xfU);
    uint32_t min = ports ? LIBXL_DEVICE_MODEL_PORT_MIN : LIBXL_DEVICE_MODEL_MMIO_MIN;

    if (address == 0 || address >= min)
        return true;

    virReportError(VIR_ERR_OPERATION_FAILED,
                   _("device model '%1$s': BAR %2$u of its '%3$s' is at 0x%4$x, where it is not put again, expected 0x%5$x or above"),
                   config->name, bar, device->driver, address, min);
    return false;
}


/* The command register comes last, when all of the rest is as it says. */
static int
libxlDeviceModelReplayFunction(GPtrArray *commands,
                               const libxlDeviceModelConfig *config,
                               const libxlDeviceModelRegisters *registers,
                               const libxlDeviceModelReplayDevice *device,
                               unsigned int devfn)
{
    const uint64_t *cells = registers->config[devfn >> 3];
    unsigned int bar;
    size_t i;

    for (bar = 0; bar < LIBXL_DEVICE_MODEL_PCI_BARS; bar++) {
        unsigned int offset = LIBXL_DEVICE_MODEL_PCI_BAR + 4 * bar;

        if (!((device->ports | device->memory) & (1U << bar)))
            continue;
        if (!libxlDeviceModelReplayCheckBAR(config, device, bar, cells[offset / 4]))
            return -1;
        libxlDeviceModelReplayConfig(commands, cells, devfn, offset, 4);
    }

    libxlDeviceModelReplayConfig(commands, cells, devfn, LIBXL_DEVICE_MODEL_PCI_INTERRUPT, 1);
    libxlDeviceModelReplayConfig(commands, cells, devfn, LIBXL_DEVICE_MODEL_PCI_CACHE_LINE, 2);
    for (i = 0; i < G_N_ELEMENTS(device->own) && device->own[i].size > 0; i++)
        libxlDeviceModelReplayConfig(commands, cells, devfn,
                                     device->own[i].offset, device->own[i].size);
    libxlDeviceModelReplayConfig(commands, cells, devfn, LIBXL_DEVICE_MODEL_PCI_COMMAND, 2);

    return 0;
}


/* The lowest byte of a register, where it was written. */
static void
libxlDeviceModelReplayByte(GPtrArray *commands,
                           unsigned int port,
                           uint64_t cell,
                           uint8_t mask)
{
    if (libxlDeviceModelRegisterIsWritten(cell, 0, 1))
        libxlDeviceModelReplayAdd(commands, port, 1, libxlDeviceModelRegisterGet(cell) & mask);
}


static void
libxlDeviceModelReplayMaster(GPtrArray *commands,
                             const uint64_t *channel,
                             unsigned int port)
{
    uint64_t master = channel[LIBXL_DEVICE_MODEL_IDE_MASTER];
    uint64_t table = channel[LIBXL_DEVICE_MODEL_IDE_TABLE];

    libxlDeviceModelReplayByte(commands, port, master, LIBXL_DEVICE_MODEL_MASTER_COMMAND);
    if (libxlDeviceModelRegisterIsWritten(master, 2, 1))
        libxlDeviceModelReplayAdd(commands, port + 2, 1,
                                  libxlDeviceModelRegisterGet(master) >> 16 & LIBXL_DEVICE_MODEL_MASTER_STATUS);
    if (libxlDeviceModelRegisterIsWritten(table, 0, 4))
        libxlDeviceModelReplayAdd(commands, port + 4, 4, libxlDeviceModelRegisterGet(table));
}


/* Whether a channel has a drive that the guest has given a command since it has reset it. */
static bool
libxlDeviceModelReplayIsCommanded(const libxlDeviceModelConfig *config,
                                  const libxlDeviceModelRegisters *registers,
                                  unsigned int channel)
{
    uint64_t command = registers->channels[channel][LIBXL_DEVICE_MODEL_IDE_COMMAND];
    size_t i;

    if (!libxlDeviceModelRegisterIsWritten(command, 0, 1))
        return false;

    for (i = 0; i < config->ndisks; i++) {
        if (config->disks[i].bus == channel)
            return true;
    }

    return false;
}


/* A drive that has just started says that its last command has ended well.  The guest may
 * wait for one that the dead has not ended, or fetch its data, and would take it for done.
 * One that the guest has just reset has to look so. */
static void
libxlDeviceModelReplayAbort(GPtrArray *commands,
                            const libxlDeviceModelConfig *config,
                            unsigned int channel)
{
    unsigned int port = libxlDeviceModelReplayIDEPorts[channel];
    size_t i;

    libxlDeviceModelReplayAdd(commands, libxlDeviceModelReplayIDEControls[channel], 1,
                              LIBXL_DEVICE_MODEL_IDE_QUIET);

    for (i = 0; i < config->ndisks; i++) {
        if (config->disks[i].bus != channel)
            continue;
        libxlDeviceModelReplayAdd(commands, port + 6, 1,
                                  LIBXL_DEVICE_MODEL_IDE_SELECT |
                                  config->disks[i].unit << LIBXL_DEVICE_MODEL_IDE_UNIT_SHIFT);
        libxlDeviceModelReplayAdd(commands, port + 7, 1, LIBXL_DEVICE_MODEL_IDE_NO_COMMAND);
    }

    libxlDeviceModelReplayAdd(commands, port + 6, 1, LIBXL_DEVICE_MODEL_IDE_SELECT);
    libxlDeviceModelReplayAdd(commands, libxlDeviceModelReplayIDEControls[channel], 1, 0);
}


/* Both drives of a channel take what is written to it. */
static void
libxlDeviceModelReplayChannel(GPtrArray *commands,
                              const uint64_t *channel,
                              unsigned int port,
                              unsigned int control)
{
    size_t i;

    for (i = LIBXL_DEVICE_MODEL_IDE_FEATURES; i <= LIBXL_DEVICE_MODEL_IDE_HIGH; i++) {
        if (libxlDeviceModelRegisterIsWritten(channel[i], 1, 1))
            libxlDeviceModelReplayAdd(commands, port + 1 + i, 1,
                                      libxlDeviceModelRegisterGet(channel[i]) >> 8);
        libxlDeviceModelReplayByte(commands, port + 1 + i, channel[i], 0xff);
    }

    libxlDeviceModelReplayByte(commands, port + 6, channel[LIBXL_DEVICE_MODEL_IDE_DEVICE], 0xff);
    libxlDeviceModelReplayByte(commands, control, channel[LIBXL_DEVICE_MODEL_IDE_CONTROL], 0xff);
}


static int
libxlDeviceModelReplayIDE(GPtrArray *commands,
                          const libxlDeviceModelConfig *config,
                          const libxlDeviceModelRegisters *registers)
{
    unsigned int master = libxlDeviceModelRegistersMaster(registers);
    size_t i;

    if (libxlDeviceModelReplayFunction(commands, config, registers,
                                       libxlDeviceModelReplayFind(LIBXL_DEVICE_MODEL_IDE_DRIVER),
                                       LIBXL_DEVICE_MODEL_REGISTERS_IDE_SLOT << 3 |
                                       LIBXL_DEVICE_MODEL_REGISTERS_IDE_FUNCTION) < 0)
        return -1;

    for (i = 0; i < LIBXL_DEVICE_MODEL_REGISTERS_CHANNELS; i++) {
        if (master != 0)
            libxlDeviceModelReplayMaster(commands, registers->channels[i], master + 8 * i);
        if (libxlDeviceModelReplayIsCommanded(config, registers, i))
            libxlDeviceModelReplayAbort(commands, config, i);
        libxlDeviceModelReplayChannel(commands, registers->channels[i],
                                      libxlDeviceModelReplayIDEPorts[i],
                                      libxlDeviceModelReplayIDEControls[i]);
    }

    return 0;
}


/* Whether the port of IER is another register. */
static bool
libxlDeviceModelReplayUARTIsLatched(const uint64_t *uart)
{
    return libxlDeviceModelRegisterGet(uart[LIBXL_DEVICE_MODEL_UART_LCR]) &
           LIBXL_DEVICE_MODEL_UART_DLAB;
}


/* IER comes when the process serves the guest (libxlDeviceModelReplayInterrupts). */
static void
libxlDeviceModelReplayUART(GPtrArray *commands,
                           const uint64_t *uart,
                           unsigned int port)
{
    uint64_t dll = uart[LIBXL_DEVICE_MODEL_UART_DLL];
    uint64_t dlm = uart[LIBXL_DEVICE_MODEL_UART_DLM];
    uint64_t lcr = uart[LIBXL_DEVICE_MODEL_UART_LCR];
    uint8_t line = libxlDeviceModelRegisterGet(lcr);

    if (libxlDeviceModelRegisterIsWritten(dll, 0, 1) ||
        libxlDeviceModelRegisterIsWritten(dlm, 0, 1)) {
        libxlDeviceModelReplayAdd(commands, port + 3, 1, line | LIBXL_DEVICE_MODEL_UART_DLAB);
        libxlDeviceModelReplayByte(commands, port, dll, 0xff);
        libxlDeviceModelReplayByte(commands, port + 1, dlm, 0xff);
    }

    libxlDeviceModelReplayByte(commands, port + 3, lcr,
                               (uint8_t)~LIBXL_DEVICE_MODEL_UART_DLAB);
    libxlDeviceModelReplayByte(commands, port + 2, uart[LIBXL_DEVICE_MODEL_UART_FCR],
                               LIBXL_DEVICE_MODEL_UART_FCR_MASK);
    libxlDeviceModelReplayByte(commands, port + 7, uart[LIBXL_DEVICE_MODEL_UART_SCR], 0xff);
    libxlDeviceModelReplayByte(commands, port + 4, uart[LIBXL_DEVICE_MODEL_UART_MCR], 0xff);

    if (libxlDeviceModelReplayUARTIsLatched(uart))
        libxlDeviceModelReplayByte(commands, port + 3, lcr, 0xff);
}


static char **
libxlDeviceModelReplayFinish(GPtrArray **commands)
{
    g_ptr_array_add(*commands, NULL);
    return (char **)g_ptr_array_free(g_steal_pointer(commands), FALSE);
}


/**
 * libxlDeviceModelReplayPlan:
 * @config: configuration of a secondary that libxlDeviceModelReplayRefusal has nothing
 *          against
 * @registers: what the guest has written, as far as a process has said; not trusted
 *
 * Returns the commands for QEMU's monitor that lead a fresh process there, to be freed
 * by the caller, or NULL with an error that names the device model.
 */
char **
libxlDeviceModelReplayPlan(const libxlDeviceModelConfig *config,
                           const libxlDeviceModelRegisters *registers)
{
    g_autoptr(GPtrArray) commands = g_ptr_array_new_with_free_func(g_free);
    size_t i;

    for (i = 0; i < config->nnics; i++) {
        const libxlDeviceModelReplayDevice *device =
            libxlDeviceModelReplayFind(config->nics[i].driver);

        if (device &&
            libxlDeviceModelReplayFunction(commands, config, registers, device,
                                           config->nics[i].slot << 3) < 0)
            return NULL;
    }

    if (libxlDeviceModelReplayHas(config, VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_IDE) &&
        libxlDeviceModelReplayIDE(commands, config, registers) < 0)
        return NULL;

    for (i = 0; i < config->nserials; i++) {
        unsigned int port = config->serials[i].port;

        libxlDeviceModelReplayUART(commands, registers->uarts[port],
                                   libxlDeviceModelReplayUARTPorts[port]);
    }

    return libxlDeviceModelReplayFinish(&commands);
}


/**
 * libxlDeviceModelReplayRefuse:
 * @config: configuration of a secondary
 * @registers: what the guest has written
 *
 * Mark the IDE channels whose drives are to refuse commands at first: a guest that was not
 * held may have written half of what belongs to one when nobody was there, and the command
 * would go to another sector.
 */
void
libxlDeviceModelReplayRefuse(const libxlDeviceModelConfig *config,
                             libxlDeviceModelRegisters *registers)
{
    size_t i;

    for (i = 0; i < config->ndisks; i++)
        registers->channels[config->disks[i].bus][LIBXL_DEVICE_MODEL_IDE_REFUSES] =
            LIBXL_DEVICE_MODEL_REFUSES;
}


static void
libxlDeviceModelReplayAssumeUART(libxlDeviceModelRegisters *registers,
                                 unsigned int port)
{
    const uint64_t *uart = registers->uarts[port];
    uint8_t line = libxlDeviceModelRegisterGet(uart[LIBXL_DEVICE_MODEL_UART_LCR]);
    uint8_t modem = libxlDeviceModelRegisterGet(uart[LIBXL_DEVICE_MODEL_UART_MCR]);
    uint8_t interrupts = libxlDeviceModelRegisterGet(uart[LIBXL_DEVICE_MODEL_UART_IER]);
    unsigned int address = libxlDeviceModelReplayUARTPorts[port];
    const libxlDeviceModelWrite close = {
        .address = address + 3, .size = 1, .data = line & ~LIBXL_DEVICE_MODEL_UART_DLAB,
    };
    const libxlDeviceModelWrite enable = {
        .address = address + 1, .size = 1, .data = interrupts | LIBXL_DEVICE_MODEL_UART_DATA,
    };

    if (libxlDeviceModelReplayUARTIsLatched(uart))
        libxlDeviceModelRegistersNote(registers, &close);
    if (modem & LIBXL_DEVICE_MODEL_UART_OUT2)
        libxlDeviceModelRegistersNote(registers, &enable);
}


/**
 * libxlDeviceModelReplayAssume:
 * @config: configuration of a secondary
 * @registers: what the guest has written
 *
 * Note what a guest that was not held may have written to its serial ports when nobody was
 * there, and does not write again.  Linux switches the interrupt for room on when it begins to
 * send, and not again before all is sent (__start_tx in drivers/tty/serial/8250/8250_port.c);
 * it switches all of them off to print a message of the kernel, and on again
 * (serial8250_console_write); and it closes the latch as soon as it has set the divisor
 * (serial8250_do_set_divisor).  With OUT2 a driver lets interrupts through, so that it has the
 * port open.  One that does not wait for an interrupt finds nothing to do at it.
 */
void
libxlDeviceModelReplayAssume(const libxlDeviceModelConfig *config,
                             libxlDeviceModelRegisters *registers)
{
    size_t i;

    for (i = 0; i < config->nserials; i++)
        libxlDeviceModelReplayAssumeUART(registers, config->serials[i].port);
}


/**
 * libxlDeviceModelReplayGuard:
 * @config: configuration of a secondary
 * @registers: those that a process will have that takes its place
 *
 * Mark the NICs that must not use the guest's memory until they are told where: where a guest
 * that is held writes meanwhile, it has not told them either.
 */
void
libxlDeviceModelReplayGuard(const libxlDeviceModelConfig *config,
                            libxlDeviceModelRegisters *registers)
{
    size_t i;

    libxlDeviceModelDMAClear(registers);

    for (i = 0; i < config->nnics; i++) {
        const libxlDeviceModelReplayDevice *device =
            libxlDeviceModelReplayFind(config->nics[i].driver);

        if (device && device->dma != LIBXL_DEVICE_MODEL_DMA_NONE)
            libxlDeviceModelDMAGuard(registers, device->dma, config->nics[i].slot);
    }
}


/* Which interrupts a UART has, unless the guest has written that itself since. */
static void
libxlDeviceModelReplayUARTInterrupts(GPtrArray *commands,
                                     const uint64_t *before,
                                     const uint64_t *now,
                                     unsigned int port)
{
    if (!libxlDeviceModelReplayUARTIsLatched(now) &&
        now[LIBXL_DEVICE_MODEL_UART_IER] == before[LIBXL_DEVICE_MODEL_UART_IER])
        libxlDeviceModelReplayByte(commands, port + 1, now[LIBXL_DEVICE_MODEL_UART_IER], 0xff);
}


/* Where the guest is in the middle of a reset, nothing is aborted. */
static void
libxlDeviceModelReplayChannelInterrupt(GPtrArray *commands,
                                       const uint64_t *channel,
                                       unsigned int port)
{
    uint32_t control = libxlDeviceModelRegisterGet(channel[LIBXL_DEVICE_MODEL_IDE_CONTROL]);

    if (!(control & (LIBXL_DEVICE_MODEL_IDE_QUIET | LIBXL_DEVICE_MODEL_IDE_RESET)))
        libxlDeviceModelReplayAdd(commands, port + 7, 1, LIBXL_DEVICE_MODEL_IDE_NO_COMMAND);
}


/**
 * libxlDeviceModelReplayInterrupts:
 * @config: configuration of a secondary
 * @before: what was replayed
 * @now: what the guest has written by now
 * @commanded: IDE channels on which a command of the guest was told by
 *             libxlDeviceModelReplayLate: bits 1 << channel
 *
 * What raises interrupts is told when the process serves the guest: an edge that comes before
 * that is one that nobody but this process can explain.
 *
 * A UART that has room for data raises its interrupt as soon as it may, so that a guest that
 * waits for room goes on.  What the guest has written itself since stays.  The drive that is
 * selected aborts a command once more, with an interrupt, so that a guest that waits for one
 * of the dead's has its error now, and not when it is late: its driver does it again then.  A
 * drive that is at work takes no command, and where the guest waits for none, its driver
 * takes note of the interrupt.  Where one was told late, its own interrupt is what the guest
 * waits for, and any further command would lower it.
 *
 * Returns the commands for that, which may be none, to be freed by the caller.
 */
char **
libxlDeviceModelReplayInterrupts(const libxlDeviceModelConfig *config,
                                 const libxlDeviceModelRegisters *before,
                                 const libxlDeviceModelRegisters *now,
                                 unsigned int commanded)
{
    g_autoptr(GPtrArray) commands = g_ptr_array_new_with_free_func(g_free);
    size_t i;

    for (i = 0; i < config->nserials; i++) {
        unsigned int port = config->serials[i].port;

        libxlDeviceModelReplayUARTInterrupts(commands, before->uarts[port], now->uarts[port],
                                             libxlDeviceModelReplayUARTPorts[port]);
    }

    for (i = 0; i < LIBXL_DEVICE_MODEL_REGISTERS_CHANNELS; i++) {
        if (!(commanded & (1U << i)) && libxlDeviceModelReplayIsCommanded(config, now, i))
            libxlDeviceModelReplayChannelInterrupt(commands, now->channels[i],
                                                   libxlDeviceModelReplayIDEPorts[i]);
    }

    return libxlDeviceModelReplayFinish(&commands);
}


/**
 * libxlDeviceModelReplayIsLatched:
 * @config: configuration of a secondary
 * @registers: what the guest has written by now
 *
 * A guest that sets a divisor opens a latch in the place of the register that says which
 * interrupts a UART has, and closes it soon.
 *
 * Returns whether a UART cannot be told of its interrupts before that.
 */
bool
libxlDeviceModelReplayIsLatched(const libxlDeviceModelConfig *config,
                                const libxlDeviceModelRegisters *registers)
{
    size_t i;

    for (i = 0; i < config->nserials; i++) {
        const uint64_t *uart = registers->uarts[config->serials[i].port];

        if (libxlDeviceModelReplayUARTIsLatched(uart) &&
            libxlDeviceModelRegisterIsWritten(uart[LIBXL_DEVICE_MODEL_UART_IER], 0, 1))
            return true;
    }

    return false;
}


/**
 * libxlDeviceModelReplayAgain:
 * @config: configuration of a secondary
 * @told: by what libxlDeviceModelReplayInterrupts has told the process
 * @now: what the guest has written by now
 *
 * A guest that goes on may write a register in the moment in which the process is told of it,
 * and what is written last counts.  A UART whose latch was open could not be told.
 *
 * Returns the commands that tell it what has changed, which may be none, to be freed
 * by the caller.
 */
char **
libxlDeviceModelReplayAgain(const libxlDeviceModelConfig *config,
                            const libxlDeviceModelRegisters *told,
                            const libxlDeviceModelRegisters *now)
{
    g_autoptr(GPtrArray) commands = g_ptr_array_new_with_free_func(g_free);
    size_t i;

    for (i = 0; i < config->nserials; i++) {
        unsigned int port = config->serials[i].port;
        const uint64_t *uart = now->uarts[port];
        const uint64_t *before = told->uarts[port];

        if (uart[LIBXL_DEVICE_MODEL_UART_IER] != before[LIBXL_DEVICE_MODEL_UART_IER] ||
            libxlDeviceModelReplayUARTIsLatched(before))
            libxlDeviceModelReplayUARTInterrupts(commands, uart, uart,
                                                 libxlDeviceModelReplayUARTPorts[port]);
    }

    return libxlDeviceModelReplayFinish(&commands);
}


/* What the device in a slot is called, or NULL where the secondary has none there. */
static const libxlDeviceModelReplayDevice *
libxlDeviceModelReplayFindFunction(const libxlDeviceModelConfig *config,
                                   unsigned int slot,
                                   unsigned int function)
{
    size_t i;

    if (slot == LIBXL_DEVICE_MODEL_REGISTERS_IDE_SLOT &&
        function == LIBXL_DEVICE_MODEL_REGISTERS_IDE_FUNCTION &&
        libxlDeviceModelReplayHas(config, VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_IDE))
        return libxlDeviceModelReplayFind(LIBXL_DEVICE_MODEL_IDE_DRIVER);

    for (i = 0; i < config->nnics; i++) {
        if (config->nics[i].slot == slot && function == 0)
            return libxlDeviceModelReplayFind(config->nics[i].driver);
    }

    return NULL;
}


/* The request may be an intruder's: what it has written is looked at as all else is. */
static int
libxlDeviceModelReplayLateConfig(GPtrArray *commands,
                                 const libxlDeviceModelConfig *config,
                                 const libxlDeviceModelRegisters *registers,
                                 const libxlDeviceModelWrite *write)
{
    const libxlDeviceModelReplayDevice *device =
        libxlDeviceModelReplayFindFunction(config, write->slot, write->function);
    g_autofree libxlDeviceModelRegisters *copy = NULL;

    if (!device)
        return 0;

    copy = g_new0(libxlDeviceModelRegisters, 1);
    *copy = *registers;
    libxlDeviceModelRegistersNote(copy, write);
    return libxlDeviceModelReplayFunction(commands, config, copy, device,
                                          write->slot << 3 | write->function);
}


/* Whether a write of @size is to one of @nports ports, all of it. */
static bool
libxlDeviceModelReplayIsWithin(const libxlDeviceModelWrite *write,
                               unsigned int port,
                               unsigned int nports)
{
    return write->address >= port && write->address + write->size <= port + nports;
}


static bool
libxlDeviceModelReplayOwnsPort(const libxlDeviceModelConfig *config,
                               const libxlDeviceModelRegisters *registers,
                               const libxlDeviceModelWrite *write)
{
    unsigned int master = libxlDeviceModelRegistersMaster(registers);
    size_t i;

    for (i = 0; i < config->nserials; i++) {
        unsigned int port = config->serials[i].port;

        if (libxlDeviceModelReplayIsWithin(write, libxlDeviceModelReplayUARTPorts[port],
                                           LIBXL_DEVICE_MODEL_REGISTERS_PORTS))
            return true;
    }

    if (!libxlDeviceModelReplayHas(config, VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_IDE))
        return false;

    for (i = 0; i < LIBXL_DEVICE_MODEL_REGISTERS_CHANNELS; i++) {
        if (libxlDeviceModelReplayIsWithin(write, libxlDeviceModelReplayIDEPorts[i],
                                           LIBXL_DEVICE_MODEL_REGISTERS_PORTS) ||
            libxlDeviceModelReplayIsWithin(write, libxlDeviceModelReplayIDEControls[i], 1))
            return true;
    }

    return master >= LIBXL_DEVICE_MODEL_PORT_MIN &&
           libxlDeviceModelReplayIsWithin(write, master, 16);
}


/**
 * libxlDeviceModelReplayLate:
 * @config: configuration of a secondary
 * @registers: what was replayed
 * @write: what the guest has written, and the process that has ended has not looked at
 *
 * A guest whose vCPU waits for a process that has ended goes on as if its write was
 * done.  A fresh process that has taken its place can do it before.  A write into the
 * memory range of a NIC is left out: its driver begins anew, anyway.
 *
 * Returns the commands for that, which may be none, to be freed by the caller, or NULL with
 * an error.
 */
char **
libxlDeviceModelReplayLate(const libxlDeviceModelConfig *config,
                           const libxlDeviceModelRegisters *registers,
                           const libxlDeviceModelWrite *write)
{
    g_autoptr(GPtrArray) commands = g_ptr_array_new_with_free_func(g_free);

    if (write->config) {
        if (libxlDeviceModelReplayLateConfig(commands, config, registers, write) < 0)
            return NULL;
    } else if (libxlDeviceModelReplayOwnsPort(config, registers, write)) {
        libxlDeviceModelReplayAdd(commands, write->address, write->size, write->data);
    }

    return libxlDeviceModelReplayFinish(&commands);
}


/**
 * libxlDeviceModelReplayHolds:
 * @def: definition of a domain
 * @dmdef: one of its secondaries
 * @config: its configuration
 *
 * Returns whether the guest is to be held when it fails.  For a moment that takes an ioreq
 * server more than the domain has device models.
 */
bool
libxlDeviceModelReplayHolds(const virDomainDef *def,
                            const virDomainDeviceModelDef *dmdef,
                            const libxlDeviceModelConfig *config)
{
    return virDomainDeviceModelDefGetFailureAction(dmdef) ==
           VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_RESTART &&
           def->ndevicemodels < VIR_DOMAIN_DEVICE_MODEL_MAX &&
           (config->ndisks > 0 || config->nserials > 0) &&
           !libxlDeviceModelReplayRefusal(config);
}
