/*
 * libxl_devicemodel_dma.c: a device is given addresses before it uses the guest's memory
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <stddef.h>

#include "libxl_devicemodel_dma.h"

#define LIBXL_DEVICE_MODEL_DMA_BAR 0x10 /* the first, in the configuration space */

/* The window of an e1000e: which register, and its data (e1000e_io_write in QEMU's
 * hw/net/e1000e.c). */
#define LIBXL_DEVICE_MODEL_DMA_WINDOW_ADDRESS 0
#define LIBXL_DEVICE_MODEL_DMA_WINDOW_DATA 4
#define LIBXL_DEVICE_MODEL_DMA_WINDOW_SIZE 8

/* Where a register is. */
typedef enum {
    LIBXL_DEVICE_MODEL_DMA_MAIN = 0, /* those that a reset of the device resets */
    LIBXL_DEVICE_MODEL_DMA_MESSAGES, /* the table of MSI-X */
    LIBXL_DEVICE_MODEL_DMA_CONFIG,
    LIBXL_DEVICE_MODEL_DMA_WINDOW,
} libxlDeviceModelDMASpace;

typedef struct _libxlDeviceModelDMARange libxlDeviceModelDMARange;
struct _libxlDeviceModelDMARange {
    unsigned int bar;
    unsigned int size; /* 0 behind the last */
    bool ports;
    libxlDeviceModelDMASpace space;
};

typedef struct _libxlDeviceModelDMARegister libxlDeviceModelDMARegister;
struct _libxlDeviceModelDMARegister {
    libxlDeviceModelDMASpace space;
    unsigned int offset;
    unsigned int size;
    uint32_t reset; /* bits that reset the device; 0 where none does */
    uint32_t value; /* when they are this */
    unsigned int other; /* the number of the register of which this is another name; 0 for none */
};

typedef struct _libxlDeviceModelDMASwitch libxlDeviceModelDMASwitch;
struct _libxlDeviceModelDMASwitch {
    unsigned int reg;
    uint32_t bits; /* any of which switches on; 0 where each write to the register does */
    uint32_t value; /* when they are this; 0 where any of them does */
    bool inverse; /* they switch off */
    bool initial; /* on after a reset */
};

/* Where all these switches are on, the device uses what these registers say. */
typedef struct _libxlDeviceModelDMARule libxlDeviceModelDMARule;
struct _libxlDeviceModelDMARule {
    uint64_t switches; /* bits 1 << number */
    uint64_t needs;
};

typedef struct _libxlDeviceModelDMATable libxlDeviceModelDMATable;
struct _libxlDeviceModelDMATable {
    const libxlDeviceModelDMARange *ranges;
    const libxlDeviceModelDMARegister *registers;
    unsigned int nregisters;
    const libxlDeviceModelDMASwitch *switches;
    unsigned int nswitches;
    const libxlDeviceModelDMARule *rules;
    unsigned int nrules;
    bool keeps; /* not each QEMU resets the device when the guest says so */
};

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))
#define BIT(number) (UINT64_C(1) << (number))

/* e1000 and e1000e, by the names of QEMU's hw/net/e1000_regs.h.  A ring of an e1000 whose
 * length is 0 is read all the same (start_xmit and e1000_receive_iov in e1000.c).  One of an
 * e1000e is empty (e1000e_ring_empty in e1000e_core.c), so that the length is a switch, too: a
 * queue that is not used needs nothing, and a receiver may be on before it has a ring.  Linux
 * relies on that: it switches on, reads back whether it is, switches off, says where the ring is,
 * and writes what it has read (e1000_setup_rctl() and e1000_configure_rx() in its
 * drivers/net/ethernet/intel/e1000e/netdev.c).  The ports of an e1000 do nothing
 * (e1000_io_write).  An e1000e has some of its registers where older cards have them, too
 * (mac_reg_access in e1000e_core.c). */
enum {
    E1000_TCTL = 0,
    E1000_TDBAL,
    E1000_TDBAH,
    E1000_TDLEN,
    E1000_RCTL,
    E1000_RDBAL,
    E1000_RDBAH,
    E1000_RDLEN,
    E1000_LAST,

    E1000E_TDBAL_OLD = E1000_LAST,
    E1000E_TDBAH_OLD,
    E1000E_TDLEN_OLD,
    E1000E_RDBAL_OLD,
    E1000E_RDBAH_OLD,
    E1000E_RDLEN_OLD,
    E1000E_TDBAL1,
    E1000E_TDBAH1,
    E1000E_TDLEN1,
    E1000E_RDBAL1,
    E1000E_RDBAH1,
    E1000E_RDLEN1,
    E1000E_CTRL,
    E1000E_CTRL_DUP,
    E1000E_IVAR,
    E1000E_MSI_CONTROL,
    E1000E_MSI_LOW,
    E1000E_MSI_HIGH,
    E1000E_MSI_DATA,
    E1000E_MESSAGES, /* three of each vector */
};

#define E1000E_VECTORS 5

#define E1000_CTRL_RESET 0x04000000U

#define E1000_MAIN(offset) { LIBXL_DEVICE_MODEL_DMA_MAIN, offset, 4, 0, 0, 0 }
#define E1000E_OLD(offset, reg) { LIBXL_DEVICE_MODEL_DMA_MAIN, offset, 4, 0, 0, reg }
#define E1000_REGISTERS \
    [E1000_TCTL] = E1000_MAIN(0x400), \
    [E1000_TDBAL] = E1000_MAIN(0x3800), \
    [E1000_TDBAH] = E1000_MAIN(0x3804), \
    [E1000_TDLEN] = E1000_MAIN(0x3808), \
    [E1000_RCTL] = E1000_MAIN(0x100), \
    [E1000_RDBAL] = E1000_MAIN(0x2800), \
    [E1000_RDBAH] = E1000_MAIN(0x2804), \
    [E1000_RDLEN] = E1000_MAIN(0x2808)

#define E1000E_MESSAGE(vector, number) (E1000E_MESSAGES + 3 * (vector) + (number))
#define E1000E_VECTOR_REGISTER(vector, number) \
    [E1000E_MESSAGE(vector, number)] = \
        { LIBXL_DEVICE_MODEL_DMA_MESSAGES, 16 * (vector) + 4 * (number), 4, 0, 0, 0 }
#define E1000E_VECTOR(vector) \
    E1000E_VECTOR_REGISTER(vector, 0), /* address */ \
    E1000E_VECTOR_REGISTER(vector, 1), \
    E1000E_VECTOR_REGISTER(vector, 2) /* data */

static const libxlDeviceModelDMARegister libxlDeviceModelDMAE1000Registers[] = {
    E1000_REGISTERS,
};

static const libxlDeviceModelDMARegister libxlDeviceModelDMAE1000ERegisters[] = {
    E1000_REGISTERS,
    [E1000E_TDBAL_OLD] = E1000E_OLD(0x420, E1000_TDBAL),
    [E1000E_TDBAH_OLD] = E1000E_OLD(0x424, E1000_TDBAH),
    [E1000E_TDLEN_OLD] = E1000E_OLD(0x428, E1000_TDLEN),
    [E1000E_RDBAL_OLD] = E1000E_OLD(0x110, E1000_RDBAL),
    [E1000E_RDBAH_OLD] = E1000E_OLD(0x114, E1000_RDBAH),
    [E1000E_RDLEN_OLD] = E1000E_OLD(0x118, E1000_RDLEN),
    [E1000E_TDBAL1] = E1000_MAIN(0x3900),
    [E1000E_TDBAH1] = E1000_MAIN(0x3904),
    [E1000E_TDLEN1] = E1000_MAIN(0x3908),
    [E1000E_RDBAL1] = E1000_MAIN(0x2900),
    [E1000E_RDBAH1] = E1000_MAIN(0x2904),
    [E1000E_RDLEN1] = E1000_MAIN(0x2908),
    [E1000E_CTRL] = { LIBXL_DEVICE_MODEL_DMA_MAIN, 0x0, 4, E1000_CTRL_RESET, E1000_CTRL_RESET, 0 },
    [E1000E_CTRL_DUP] = { LIBXL_DEVICE_MODEL_DMA_MAIN, 0x4, 4, E1000_CTRL_RESET, E1000_CTRL_RESET, 0 },
    [E1000E_IVAR] = E1000_MAIN(0xe4),
    [E1000E_MSI_CONTROL] = { LIBXL_DEVICE_MODEL_DMA_CONFIG, 0xd2, 1, 0, 0, 0 },
    [E1000E_MSI_LOW] = { LIBXL_DEVICE_MODEL_DMA_CONFIG, 0xd4, 4, 0, 0, 0 },
    [E1000E_MSI_HIGH] = { LIBXL_DEVICE_MODEL_DMA_CONFIG, 0xd8, 4, 0, 0, 0 },
    [E1000E_MSI_DATA] = { LIBXL_DEVICE_MODEL_DMA_CONFIG, 0xdc, 2, 0, 0, 0 },
    E1000E_VECTOR(0),
    E1000E_VECTOR(1),
    E1000E_VECTOR(2),
    E1000E_VECTOR(3),
    E1000E_VECTOR(4),
};

enum {
    E1000_TRANSMITS = 0,
    E1000_RECEIVES,
    E1000E_TX_RING, /* it has a length */
    E1000E_RX_RING,
    E1000E_TX_RING1,
    E1000E_RX_RING1,
    E1000E_MSI,
    E1000E_NOTIFIES, /* one of each vector for each cause */
};

#define E1000_SWITCHES \
    [E1000_TRANSMITS] = { E1000_TCTL, 0x2, 0, false, false }, \
    [E1000_RECEIVES] = { E1000_RCTL, 0x2, 0, false, false }

/* A register says for each cause of an interrupt whether there is a vector, and which.  That is
 * what decides about a message, not whether the vector is masked: in a guest of Xen's QEMU takes
 * none for masked whose data is 0, as in a table that was not written (msix_vector_masked in
 * hw/pci/msix.c), and would write that 0 to address 0. */
#define E1000E_NOTIFIED(cause, vector) (E1000E_NOTIFIES + E1000E_VECTORS * (cause) + (vector))
#define E1000E_CAUSE(cause, vector) \
    [E1000E_NOTIFIED(cause, vector)] = \
        { E1000E_IVAR, 0xfU << 4 * (cause), (0x8U | (vector)) << 4 * (cause), false, false }
#define E1000E_CAUSES(vector) \
    E1000E_CAUSE(0, vector), \
    E1000E_CAUSE(1, vector), \
    E1000E_CAUSE(2, vector), \
    E1000E_CAUSE(3, vector), \
    E1000E_CAUSE(4, vector)

static const libxlDeviceModelDMASwitch libxlDeviceModelDMAE1000Switches[] = {
    E1000_SWITCHES,
};

static const libxlDeviceModelDMASwitch libxlDeviceModelDMAE1000ESwitches[] = {
    E1000_SWITCHES,
    [E1000E_TX_RING] = { E1000_TDLEN, UINT32_MAX, 0, false, false },
    [E1000E_RX_RING] = { E1000_RDLEN, UINT32_MAX, 0, false, false },
    [E1000E_TX_RING1] = { E1000E_TDLEN1, UINT32_MAX, 0, false, false },
    [E1000E_RX_RING1] = { E1000E_RDLEN1, UINT32_MAX, 0, false, false },
    [E1000E_MSI] = { E1000E_MSI_CONTROL, 0x1, 0, false, false },
    E1000E_CAUSES(0),
    E1000E_CAUSES(1),
    E1000E_CAUSES(2),
    E1000E_CAUSES(3),
    E1000E_CAUSES(4),
};

#define E1000E_MESSAGE_RULE(cause, vector) \
    { BIT(E1000E_NOTIFIED(cause, vector)), \
      BIT(E1000E_MESSAGE(vector, 0)) | BIT(E1000E_MESSAGE(vector, 1)) | BIT(E1000E_MESSAGE(vector, 2)) }
#define E1000E_MESSAGE_RULES(vector) \
    E1000E_MESSAGE_RULE(0, vector), \
    E1000E_MESSAGE_RULE(1, vector), \
    E1000E_MESSAGE_RULE(2, vector), \
    E1000E_MESSAGE_RULE(3, vector), \
    E1000E_MESSAGE_RULE(4, vector)

static const libxlDeviceModelDMARule libxlDeviceModelDMAE1000Rules[] = {
    { BIT(E1000_TRANSMITS), BIT(E1000_TDBAL) | BIT(E1000_TDBAH) | BIT(E1000_TDLEN) },
    { BIT(E1000_RECEIVES), BIT(E1000_RDBAL) | BIT(E1000_RDBAH) | BIT(E1000_RDLEN) },
};

static const libxlDeviceModelDMARule libxlDeviceModelDMAE1000ERules[] = {
    { BIT(E1000_TRANSMITS) | BIT(E1000E_TX_RING), BIT(E1000_TDBAL) | BIT(E1000_TDBAH) },
    { BIT(E1000_RECEIVES) | BIT(E1000E_RX_RING), BIT(E1000_RDBAL) | BIT(E1000_RDBAH) },
    { BIT(E1000_TRANSMITS) | BIT(E1000E_TX_RING1), BIT(E1000E_TDBAL1) | BIT(E1000E_TDBAH1) },
    { BIT(E1000_RECEIVES) | BIT(E1000E_RX_RING1), BIT(E1000E_RDBAL1) | BIT(E1000E_RDBAH1) },
    { BIT(E1000E_MSI), BIT(E1000E_MSI_LOW) | BIT(E1000E_MSI_HIGH) | BIT(E1000E_MSI_DATA) },
    E1000E_MESSAGE_RULES(0),
    E1000E_MESSAGE_RULES(1),
    E1000E_MESSAGE_RULES(2),
    E1000E_MESSAGE_RULES(3),
    E1000E_MESSAGE_RULES(4),
};

static const libxlDeviceModelDMARange libxlDeviceModelDMAE1000Ranges[] = {
    { 0, 0x20000, false, LIBXL_DEVICE_MODEL_DMA_MAIN },
    { 0 },
};

static const libxlDeviceModelDMARange libxlDeviceModelDMAE1000ERanges[] = {
    { 0, 0x20000, false, LIBXL_DEVICE_MODEL_DMA_MAIN },
    { 2, 0x20, true, LIBXL_DEVICE_MODEL_DMA_WINDOW },
    { 3, 0x4000, false, LIBXL_DEVICE_MODEL_DMA_MESSAGES },
    { 0 },
};

/* rtl8139, by the names of QEMU's hw/net/rtl8139.c.  It is two cards: what its command register
 * switches on is the one or the other by its C+ command register.  The older one transmits when
 * the status of a buffer is written, for which it needs no switch, and drivers may give it the
 * address of each when they send it.  Those of the first two buffers are the address of the
 * newer one's ring, and the status of the first is where that one dumps its counters: at 2^45 and
 * above in a card that was told the lower half only, as the upper one is not 0 after a reset. */
enum {
    RTL8139_COMMAND = 0,
    RTL8139_CPLUS,
    RTL8139_EEPROM,
    RTL8139_RX_BUFFER,
    RTL8139_RX_RING_LOW,
    RTL8139_RX_RING_HIGH,
    RTL8139_TX_ADDRESS, /* four */
    RTL8139_TX_STATUS = RTL8139_TX_ADDRESS + 4, /* four */
};

#define RTL8139_BUFFER(number) \
    [RTL8139_TX_ADDRESS + (number)] = { LIBXL_DEVICE_MODEL_DMA_MAIN, 0x20 + 4 * (number), 4, 0, 0, 0 }, \
    [RTL8139_TX_STATUS + (number)] = { LIBXL_DEVICE_MODEL_DMA_MAIN, 0x10 + 4 * (number), 4, 0, 0, 0 }

static const libxlDeviceModelDMARegister libxlDeviceModelDMARTL8139Registers[] = {
    [RTL8139_COMMAND] = { LIBXL_DEVICE_MODEL_DMA_MAIN, 0x37, 1, 0x10, 0x10, 0 },
    [RTL8139_CPLUS] = { LIBXL_DEVICE_MODEL_DMA_MAIN, 0xe0, 2, 0, 0, 0 },
    [RTL8139_EEPROM] = { LIBXL_DEVICE_MODEL_DMA_MAIN, 0x50, 1, 0xc0, 0x40, 0 },
    [RTL8139_RX_BUFFER] = { LIBXL_DEVICE_MODEL_DMA_MAIN, 0x30, 4, 0, 0, 0 },
    [RTL8139_RX_RING_LOW] = { LIBXL_DEVICE_MODEL_DMA_MAIN, 0xe4, 4, 0, 0, 0 },
    [RTL8139_RX_RING_HIGH] = { LIBXL_DEVICE_MODEL_DMA_MAIN, 0xe8, 4, 0, 0, 0 },
    RTL8139_BUFFER(0),
    RTL8139_BUFFER(1),
    RTL8139_BUFFER(2),
    RTL8139_BUFFER(3),
};

enum {
    RTL8139_RECEIVES = 0,
    RTL8139_TRANSMITS,
    RTL8139_OLD_RECEIVES,
    RTL8139_NEW_RECEIVES,
    RTL8139_NEW_TRANSMITS,
    RTL8139_SENDS, /* four */
};

static const libxlDeviceModelDMASwitch libxlDeviceModelDMARTL8139Switches[] = {
    [RTL8139_RECEIVES] = { RTL8139_COMMAND, 0x8, 0, false, false },
    [RTL8139_TRANSMITS] = { RTL8139_COMMAND, 0x4, 0, false, false },
    [RTL8139_OLD_RECEIVES] = { RTL8139_CPLUS, 0x2, 0, true, true },
    [RTL8139_NEW_RECEIVES] = { RTL8139_CPLUS, 0x2, 0, false, false },
    [RTL8139_NEW_TRANSMITS] = { RTL8139_CPLUS, 0x1, 0, false, false },
    [RTL8139_SENDS] = { RTL8139_TX_STATUS, 0, 0, false, false },
    [RTL8139_SENDS + 1] = { RTL8139_TX_STATUS + 1, 0, 0, false, false },
    [RTL8139_SENDS + 2] = { RTL8139_TX_STATUS + 2, 0, 0, false, false },
    [RTL8139_SENDS + 3] = { RTL8139_TX_STATUS + 3, 0, 0, false, false },
};

static const libxlDeviceModelDMARule libxlDeviceModelDMARTL8139Rules[] = {
    { BIT(RTL8139_RECEIVES) | BIT(RTL8139_OLD_RECEIVES), BIT(RTL8139_RX_BUFFER) },
    { BIT(RTL8139_RECEIVES) | BIT(RTL8139_NEW_RECEIVES),
      BIT(RTL8139_RX_RING_LOW) | BIT(RTL8139_RX_RING_HIGH) },
    { BIT(RTL8139_TRANSMITS) | BIT(RTL8139_NEW_TRANSMITS),
      BIT(RTL8139_TX_ADDRESS) | BIT(RTL8139_TX_ADDRESS + 1) },
    { BIT(RTL8139_SENDS), BIT(RTL8139_TX_ADDRESS) },
    { BIT(RTL8139_SENDS + 1), BIT(RTL8139_TX_ADDRESS + 1) },
    { BIT(RTL8139_SENDS + 2), BIT(RTL8139_TX_ADDRESS + 2) },
    { BIT(RTL8139_SENDS + 3), BIT(RTL8139_TX_ADDRESS + 3) },
};

static const libxlDeviceModelDMARange libxlDeviceModelDMARTL8139Ranges[] = {
    { 0, 0x100, true, LIBXL_DEVICE_MODEL_DMA_MAIN },
    { 1, 0x100, false, LIBXL_DEVICE_MODEL_DMA_MAIN },
    { 0 },
};

#define TABLE(name, keeps) \
    { libxlDeviceModelDMA ## name ## Ranges, \
      libxlDeviceModelDMA ## name ## Registers, N_OF(libxlDeviceModelDMA ## name ## Registers), \
      libxlDeviceModelDMA ## name ## Switches, N_OF(libxlDeviceModelDMA ## name ## Switches), \
      libxlDeviceModelDMA ## name ## Rules, N_OF(libxlDeviceModelDMA ## name ## Rules), keeps }

static const libxlDeviceModelDMATable libxlDeviceModelDMATables[LIBXL_DEVICE_MODEL_DMA_LAST] = {
    [LIBXL_DEVICE_MODEL_DMA_E1000] = TABLE(E1000, false),
    [LIBXL_DEVICE_MODEL_DMA_E1000E] = TABLE(E1000E, true),
    [LIBXL_DEVICE_MODEL_DMA_RTL8139] = TABLE(RTL8139, false),
};


/* A device resets those of its own registers, not its configuration or where its messages go. */
static void
libxlDeviceModelDMAResetState(libxlDeviceModelDMAState *state,
                              const libxlDeviceModelDMATable *table)
{
    unsigned int i;

    for (i = 0; i < table->nregisters; i++) {
        if (table->registers[i].space == LIBXL_DEVICE_MODEL_DMA_MAIN)
            state->written &= ~BIT(i);
    }

    for (i = 0; i < table->nswitches; i++) {
        if (table->registers[table->switches[i].reg].space != LIBXL_DEVICE_MODEL_DMA_MAIN)
            continue;
        state->on &= ~BIT(i);
        if (table->switches[i].initial)
            state->on |= BIT(i);
    }
}


/* An e1000e that the guest resets loses its registers in QEMU 10.0, and keeps them in 7.2
 * (e1000e_set_ctrl in hw/net/e1000e_core.c).  So it is taken for both. */
static void
libxlDeviceModelDMAReset(libxlDeviceModelDMA *dma,
                         const libxlDeviceModelDMATable *table)
{
    libxlDeviceModelDMAResetState(&dma->reset, table);
    if (!table->keeps)
        dma->kept = dma->reset;
}


/* Returns the switches that a write to a register puts on, and sets @mine to all that it sets. */
static uint64_t
libxlDeviceModelDMASwitches(const libxlDeviceModelDMATable *table,
                            unsigned int reg,
                            uint32_t value,
                            uint64_t *mine)
{
    uint64_t on = 0;
    unsigned int i;

    *mine = 0;
    for (i = 0; i < table->nswitches; i++) {
        const libxlDeviceModelDMASwitch *one = &table->switches[i];

        if (one->reg != reg)
            continue;
        *mine |= BIT(i);
        if (one->value != 0 ? (value & one->bits) == one->value :
            one->bits == 0 || !(value & one->bits) == one->inverse)
            on |= BIT(i);
    }

    return on;
}


/* Returns those of the switches @mine that must not be @set with the others. */
static uint64_t
libxlDeviceModelDMAForbidden(const libxlDeviceModelDMAState *state,
                             const libxlDeviceModelDMATable *table,
                             uint64_t set,
                             uint64_t mine)
{
    uint64_t on = (state->on & ~mine) | set;
    uint64_t forbidden = 0;
    unsigned int i;

    for (i = 0; i < table->nrules; i++) {
        const libxlDeviceModelDMARule *rule = &table->rules[i];

        if ((on & rule->switches) == rule->switches &&
            (state->written & rule->needs) != rule->needs)
            forbidden |= rule->switches & mine;
    }

    return forbidden;
}


/* Likewise, whatever a reset has done. */
static uint64_t
libxlDeviceModelDMAForbiddenEver(const libxlDeviceModelDMA *dma,
                                 const libxlDeviceModelDMATable *table,
                                 uint64_t set,
                                 uint64_t mine)
{
    return libxlDeviceModelDMAForbidden(&dma->reset, table, set, mine) |
           libxlDeviceModelDMAForbidden(&dma->kept, table, set, mine);
}


static void
libxlDeviceModelDMASet(libxlDeviceModelDMAState *state,
                       unsigned int reg,
                       uint64_t set,
                       uint64_t mine)
{
    state->on = (state->on & ~mine) | set;
    state->written |= BIT(reg);
}


/* A write to one register.  Changes @value to what may be written.  Returns whether anything
 * may. */
static bool
libxlDeviceModelDMAWrite(libxlDeviceModelDMA *dma,
                         const libxlDeviceModelDMATable *table,
                         unsigned int reg,
                         uint32_t *value)
{
    uint64_t mine;
    uint64_t set;
    uint64_t forbidden;
    unsigned int i;

    if (table->registers[reg].reset != 0 &&
        (*value & table->registers[reg].reset) == table->registers[reg].value)
        libxlDeviceModelDMAReset(dma, table);

    set = libxlDeviceModelDMASwitches(table, reg, *value, &mine);
    forbidden = libxlDeviceModelDMAForbiddenEver(dma, table, set, mine);

    for (i = 0; i < table->nswitches; i++) {
        if (!(forbidden & BIT(i)))
            continue;
        if (table->switches[i].inverse)
            *value |= table->switches[i].bits;
        else
            *value &= ~table->switches[i].bits;
    }

    /* where what is off instead is forbidden, too, or each write is */
    set = libxlDeviceModelDMASwitches(table, reg, *value, &mine);
    if (libxlDeviceModelDMAForbiddenEver(dma, table, set, mine) != 0)
        return false;

    libxlDeviceModelDMASet(&dma->reset, reg, set, mine);
    libxlDeviceModelDMASet(&dma->kept, reg, set, mine);
    return true;
}


/* Whether QEMU takes a write of @size at @offset for one of this register, and nothing else of
 * it for another: a byte may be a part of more (rtl8139_io_writew), and anything in the
 * configuration space. */
static bool
libxlDeviceModelDMAHits(const libxlDeviceModelDMARegister *reg,
                        uint64_t offset,
                        unsigned int size)
{
    if (reg->size == 1 || reg->space == LIBXL_DEVICE_MODEL_DMA_CONFIG)
        return offset <= reg->offset && reg->offset + reg->size <= offset + size;

    return offset == reg->offset && size == reg->size;
}


static bool
libxlDeviceModelDMAOverlaps(const libxlDeviceModelDMARegister *reg,
                            uint64_t first,
                            uint64_t last)
{
    return first < reg->offset + reg->size && reg->offset <= last;
}


/* A write of at most 4 bytes.  Returns whether it may be served, with @data. */
static bool
libxlDeviceModelDMAWriteSpace(libxlDeviceModelDMA *dma,
                              const libxlDeviceModelDMATable *table,
                              libxlDeviceModelDMASpace space,
                              uint64_t offset,
                              unsigned int size,
                              uint32_t *data)
{
    unsigned int i;

    for (i = 0; i < table->nregisters; i++) {
        const libxlDeviceModelDMARegister *reg = &table->registers[i];
        uint32_t mask = UINT32_MAX >> (32 - 8 * reg->size);
        unsigned int shift;
        uint32_t value;

        if (reg->space != space ||
            !libxlDeviceModelDMAOverlaps(reg, offset, offset + size - 1))
            continue;
        if (!libxlDeviceModelDMAHits(reg, offset, size))
            return false;

        shift = 8 * (reg->offset - offset);
        value = *data >> shift & mask;
        if (!libxlDeviceModelDMAWrite(dma, table, reg->other ? reg->other : i, &value))
            return false;
        *data = (*data & ~(mask << shift)) | (value & mask) << shift;
    }

    return true;
}


/* Likewise.  It reaches the same registers. */
static bool
libxlDeviceModelDMAWriteWindow(libxlDeviceModelDMA *dma,
                               const libxlDeviceModelDMATable *table,
                               uint64_t offset,
                               unsigned int size,
                               uint32_t *data)
{
    if (offset >= LIBXL_DEVICE_MODEL_DMA_WINDOW_SIZE)
        return true;
    if (size != 4)
        return false;

    if (offset == LIBXL_DEVICE_MODEL_DMA_WINDOW_ADDRESS) {
        dma->window = *data;
        return true;
    }

    if (offset != LIBXL_DEVICE_MODEL_DMA_WINDOW_DATA)
        return false;

    return libxlDeviceModelDMAWriteSpace(dma, table, LIBXL_DEVICE_MODEL_DMA_MAIN,
                                         dma->window & ~UINT64_C(3), size, data);
}


/* Whether any of the registers, or the window, is between two offsets. */
static bool
libxlDeviceModelDMATouches(const libxlDeviceModelDMATable *table,
                           libxlDeviceModelDMASpace space,
                           uint64_t first,
                           uint64_t last)
{
    unsigned int i;

    if (space == LIBXL_DEVICE_MODEL_DMA_WINDOW)
        return first < LIBXL_DEVICE_MODEL_DMA_WINDOW_SIZE;

    for (i = 0; i < table->nregisters; i++) {
        if (table->registers[i].space == space &&
            libxlDeviceModelDMAOverlaps(&table->registers[i], first, last))
            return true;
    }

    return false;
}


/* QEMU takes 8 bytes of memory as twice 4, if they are at a multiple of that
 * (memory_access_size in its system/physmem.c). */
static bool
libxlDeviceModelDMAWriteRange(libxlDeviceModelDMA *dma,
                              const libxlDeviceModelDMATable *table,
                              libxlDeviceModelDMASpace space,
                              uint64_t offset,
                              ioreq_t *request)
{
    unsigned int size = request->size == 8 ? 4 : request->size;
    uint64_t served = 0;
    unsigned int i;

    for (i = 0; i < request->size; i += size) {
        uint32_t data = request->data >> 8 * i;

        if (!(space == LIBXL_DEVICE_MODEL_DMA_WINDOW ?
              libxlDeviceModelDMAWriteWindow(dma, table, offset + i, size, &data) :
              libxlDeviceModelDMAWriteSpace(dma, table, space, offset + i, size, &data)))
            return false;
        served |= (uint64_t)data << 8 * i;
    }

    request->data = served;
    return true;
}


/* One that QEMU serves as one write to a place, or two. */
static bool
libxlDeviceModelDMAIsPlain(const ioreq_t *request)
{
    if (request->data_is_ptr || request->count != 1)
        return false;

    return request->size == 1 || request->size == 2 || request->size == 4 ||
           (request->size == 8 && request->type == IOREQ_TYPE_COPY && request->addr % 4 == 0);
}


/* From where to where a request writes.  A string instruction writes to one port, or on
 * through memory in one of two directions. */
static void
libxlDeviceModelDMAGetSpan(const ioreq_t *request,
                           uint64_t *first,
                           uint64_t *last)
{
    uint64_t rest = (uint64_t)(request->count > 1 ? request->count - 1 : 0) * request->size;

    if (request->type != IOREQ_TYPE_COPY)
        rest = 0;

    *first = *last = request->addr;
    if (!request->df)
        *last += rest < UINT64_MAX - *last ? rest : UINT64_MAX - *last;
    else
        *first -= rest < *first ? rest : *first;

    if (request->size > 0)
        *last += request->size - 1 < UINT64_MAX - *last ? request->size - 1 : UINT64_MAX - *last;
}


/* Returns whether a write to ports or memory may be served. */
static bool
libxlDeviceModelDMAServeRanges(libxlDeviceModelDMA *dma,
                               const libxlDeviceModelDMATable *table,
                               const uint64_t *config,
                               ioreq_t *request)
{
    const libxlDeviceModelDMARange *range;
    uint64_t first;
    uint64_t last;

    libxlDeviceModelDMAGetSpan(request, &first, &last);

    for (range = table->ranges; range->size > 0; range++) {
        uint64_t base = libxlDeviceModelRegisterGet(config[LIBXL_DEVICE_MODEL_DMA_BAR / 4 + range->bar]) &
                        ~(range->size - 1);

        if (range->ports != (request->type == IOREQ_TYPE_PIO) ||
            last < base || first >= base + range->size)
            continue;

        if (libxlDeviceModelDMAIsPlain(request) && first >= base && last < base + range->size)
            return libxlDeviceModelDMAWriteRange(dma, table, range->space, first - base, request);

        if (libxlDeviceModelDMATouches(table, range->space, first < base ? 0 : first - base,
                                       last - base))
            return false;
    }

    return true;
}


static bool
libxlDeviceModelDMAServeConfig(libxlDeviceModelDMA *dma,
                               const libxlDeviceModelDMATable *table,
                               ioreq_t *request)
{
    uint32_t offset = request->addr;

    if (request->addr >> 32 != dma->slot << 3)
        return true;

    if (!libxlDeviceModelDMAIsPlain(request))
        return !libxlDeviceModelDMATouches(table, LIBXL_DEVICE_MODEL_DMA_CONFIG, offset, UINT32_MAX);

    return libxlDeviceModelDMAWriteRange(dma, table, LIBXL_DEVICE_MODEL_DMA_CONFIG, offset, request);
}


/**
 * libxlDeviceModelDMAClear:
 * @registers: those that a process will have that takes the place of another
 *
 * Guard no device.
 */
void
libxlDeviceModelDMAClear(libxlDeviceModelRegisters *registers)
{
    size_t i;

    for (i = 0; i < LIBXL_DEVICE_MODEL_REGISTERS_SLOTS; i++)
        registers->dma[i] = (libxlDeviceModelDMA) { 0 };
}


/**
 * libxlDeviceModelDMAGuard:
 * @registers: likewise
 * @kind: of a device that has been given no address yet
 * @slot: where it is
 *
 * Guard a device more.
 */
void
libxlDeviceModelDMAGuard(libxlDeviceModelRegisters *registers,
                         libxlDeviceModelDMAKind kind,
                         unsigned int slot)
{
    libxlDeviceModelDMA *dma = registers->dma;

    while (dma->kind != LIBXL_DEVICE_MODEL_DMA_NONE)
        dma++;

    *dma = (libxlDeviceModelDMA) { .kind = kind, .slot = slot };
    libxlDeviceModelDMAResetState(&dma->reset, &libxlDeviceModelDMATables[kind]);
    dma->kept = dma->reset;
}


/**
 * libxlDeviceModelDMAFilter:
 * @registers: the registers
 * @request: a copy of what the guest waits for, before anything of it is noted
 *
 * Change a write that would make a guarded device use memory of which it was not told: a bit is
 * taken out, or there is nothing left of it.  That is a copy of nothing, for which QEMU does
 * nothing (cpu_ioreq_move in hw/xen/xen-hvm-common.c).
 *
 * Returns whether @request was changed.
 */
bool
libxlDeviceModelDMAFilter(libxlDeviceModelRegisters *registers,
                          ioreq_t *request)
{
    uint64_t data = request->data;
    size_t i;

    if (request->dir != IOREQ_WRITE)
        return false;

    for (i = 0; i < LIBXL_DEVICE_MODEL_REGISTERS_SLOTS; i++) {
        libxlDeviceModelDMA dma = registers->dma[i];
        const libxlDeviceModelDMATable *table;
        bool serves = true;

        if (dma.kind == LIBXL_DEVICE_MODEL_DMA_NONE || dma.kind >= LIBXL_DEVICE_MODEL_DMA_LAST)
            break;

        table = &libxlDeviceModelDMATables[dma.kind];
        if (request->type == IOREQ_TYPE_PCI_CONFIG)
            serves = libxlDeviceModelDMAServeConfig(&dma, table, request);
        else if (request->type == IOREQ_TYPE_PIO || request->type == IOREQ_TYPE_COPY)
            serves = libxlDeviceModelDMAServeRanges(&dma, table,
                                                    registers->config[dma.slot % LIBXL_DEVICE_MODEL_REGISTERS_SLOTS],
                                                    request);

        if (!serves) {
            request->type = IOREQ_TYPE_COPY;
            request->count = 0;
            return true;
        }

        registers->dma[i] = dma;
    }

    return request->data != data;
}
