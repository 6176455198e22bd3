/*
 * libxldevicemodelreplaytest.c: what a fresh secondary is told of what the guest has written
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A case is what the guest writes, a line each, and what the monitor of another process
 * is told then.
 */

#include <config.h>

#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "testutils.h"
#include "libxl/libxl_devicemodel_dma.h"
#include "libxl/libxl_devicemodel_registers_file.h"
#include "libxl/libxl_devicemodel_replay.h"
#include "libxldevicemodeltestutils.h"
#include "virfile.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

static char *testDir;

/* All that there are; and COM2 and COM4 of a secondary that has no other. */
static libxlDeviceModelSerial serials[] = {
    { .port = 0 }, { .port = 1 }, { .port = 2 }, { .port = 3 },
};
static libxlDeviceModelSerial apart[] = { { .port = 1 }, { .port = 3 } };

typedef struct {
    const char *name;
    const char *driver; /* of the NIC in slot 6, NULL for none */
    unsigned int capabilities;
    size_t nserials;
    libxlDeviceModelSerial *serials; /* NULL: COM1 and those behind it */
    size_t ndisks; /* on the second channel: a slave, then a master, too */
    const char *writes;
    const char *commands;
    const char *error; /* instead of commands */
} testPlan;

#define IDE (1U << VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_IDE)
#define SERIAL (1U << VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_SERIAL)
#define AUDIO (1U << VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_AUDIO)


/* "pci SLOT.FUNCTION ADDRESS SIZE DATA" or "pio PORT SIZE DATA", all hexadecimal. */
static int
testWriteParse(const char *line,
               libxlDeviceModelWrite *write)
{
    memset(write, 0, sizeof(*write));

    if (sscanf(line, "pci %x.%x %x %x %x", &write->slot, &write->function,
               &write->address, &write->size, &write->data) == 5) {
        write->config = true;
        return 0;
    }

    if (sscanf(line, "pio %x %x %x", &write->address, &write->size, &write->data) == 3)
        return 0;

    fprintf(stderr, "'%s' is no write\n", line);
    return -1;
}


static int
testWrite(libxlDeviceModelRegisters *registers,
          const char *writes)
{
    g_auto(GStrv) lines = g_strsplit(writes, "\n", 0);
    size_t i;

    for (i = 0; lines[i] && *lines[i]; i++) {
        libxlDeviceModelWrite write;

        if (testWriteParse(lines[i], &write) < 0)
            return -1;
        libxlDeviceModelRegistersNote(registers, &write);
    }

    return 0;
}


static char *
testJoin(char **commands)
{
    g_autofree char *joined = g_strjoinv("\n", commands);

    return g_strconcat(joined, *joined ? "\n" : "", NULL);
}


static int
testPlanRun(const void *opaque)
{
    const testPlan *test = opaque;
    libxlDeviceModelNIC nic = { .driver = test->driver, .slot = 6 };
    libxlDeviceModelDisk disks[] = { { .bus = 1, .unit = 1 }, { .bus = 1, .unit = 0 } };
    char name[] = "lan";
    libxlDeviceModelConfig config = {
        .name = name,
        .ndisks = test->ndisks,
        .disks = disks,
        .capabilities = test->capabilities,
        .nnics = test->driver ? 1 : 0,
        .nics = &nic,
        .nserials = test->nserials,
        .serials = test->serials ? test->serials : serials,
    };
    g_autofree libxlDeviceModelRegisters *registers = g_new0(libxlDeviceModelRegisters, 1);
    g_auto(GStrv) commands = NULL;
    g_autofree char *joined = NULL;

    if (testWrite(registers, test->writes) < 0)
        return -1;

    virResetLastError();
    commands = libxlDeviceModelReplayPlan(&config, registers);

    if (test->error)
        return commands ? -1 : virTestCompareToString(test->error, virGetLastErrorMessage());

    if (!commands)
        return -1;

    joined = testJoin(commands);
    return virTestCompareToString(test->commands, joined);
}


static const testPlan plans[] = {
    { .name = "nothing is written", .driver = "e1000", .capabilities = IDE | SERIAL, .nserials = 4,
      .writes = "", .commands = "" },

    { .name = "the command register comes last", .driver = "e1000",
      .writes = "pci 6.0 4 2 507\n"
                "pci 6.0 c 2 4010\n"
                "pci 6.0 3c 1 b\n"
                "pci 6.0 14 4 c001\n"
                "pci 6.0 10 4 f2000000\n",
      .commands = "o/w 0xcf8 0x80003010\n"
                  "o/w 0xcfc 0xf2000000\n"
                  "o/w 0xcf8 0x80003014\n"
                  "o/w 0xcfc 0xc001\n"
                  "o/w 0xcf8 0x8000303c\n"
                  "o/b 0xcfc 0xb\n"
                  "o/w 0xcf8 0x8000300c\n"
                  "o/h 0xcfc 0x4010\n"
                  "o/w 0xcf8 0x80003004\n"
                  "o/h 0xcfc 0x507\n" },
    { .name = "the last value counts", .driver = "e1000",
      .writes = "pci 6.0 10 4 f2000000\n"
                "pci 6.0 10 4 ffffffff\n"
                "pci 6.0 10 4 f3000000\n",
      .commands = "o/w 0xcf8 0x80003010\n"
                  "o/w 0xcfc 0xf3000000\n" },
    { .name = "a BAR that is being measured", .driver = "rtl8139",
      .writes = "pci 6.0 10 4 c001\n"
                "pci 6.0 10 4 ffffffff\n"
                "pci 6.0 14 4 ffffffff\n",
      .commands = "o/w 0xcf8 0x80003010\n"
                  "o/w 0xcfc 0xffffffff\n"
                  "o/w 0xcf8 0x80003014\n"
                  "o/w 0xcfc 0xffffffff\n" },
    { .name = "a BAR that is not placed", .driver = "rtl8139",
      .writes = "pci 6.0 10 4 0\n"
                "pci 6.0 14 4 8\n",
      .commands = "o/w 0xcf8 0x80003010\n"
                  "o/w 0xcfc 0x0\n"
                  "o/w 0xcf8 0x80003014\n"
                  "o/w 0xcfc 0x8\n" },
    { .name = "bytes and words of a register", .driver = "e1000",
      .writes = "pci 6.0 10 4 11223344\n"
                "pci 6.0 13 1 f2\n"
                "pci 6.0 10 2 0\n",
      .commands = "o/w 0xcf8 0x80003010\n"
                  "o/w 0xcfc 0xf2220000\n" },
    { .name = "a register of which a part is written", .driver = "e1000",
      .writes = "pci 6.0 12 2 f200\n"
                "pci 6.0 5 1 4\n",
      .commands = "o/w 0xcf8 0x80003010\n"
                  "o/b 0xcfe 0x0\n"
                  "o/w 0xcf8 0x80003010\n"
                  "o/b 0xcff 0xf2\n"
                  "o/w 0xcf8 0x80003004\n"
                  "o/b 0xcfd 0x4\n" },
    { .name = "a write across two registers", .driver = "e1000",
      .writes = "pci 6.0 10 4 f2000000\n"
                "pci 6.0 14 4 c001\n"
                "pci 6.0 13 2 41f3\n",
      .commands = "o/w 0xcf8 0x80003010\n"
                  "o/w 0xcfc 0xf3000000\n"
                  "o/w 0xcf8 0x80003014\n"
                  "o/w 0xcfc 0xc041\n" },
    { .name = "a write beyond the end", .driver = "e1000",
      .writes = "pci 6.0 fe 4 ffffffff\n",
      .commands = "" },
    { .name = "the status register is not written", .driver = "e1000",
      .writes = "pci 6.0 4 4 f9000007\n",
      .commands = "o/w 0xcf8 0x80003004\n"
                  "o/h 0xcfc 0x7\n" },
    { .name = "what the device does not have", .driver = "ne2k_pci",
      .writes = "pci 6.0 14 4 f2000000\n"
                "pci 6.0 24 4 f2000000\n"
                "pci 6.0 30 4 f2000001\n"
                "pci 6.0 40 4 1\n",
      .commands = "" },
    { .name = "another function", .driver = "e1000",
      .writes = "pci 7.0 10 4 f2000000\n"
                "pci 1.1 20 4 c001\n",
      .commands = "" },
    { .name = "messages", .driver = "e1000e",
      .writes = "pci 6.0 1c 4 f2020000\n"
                "pci 6.0 a2 2 8004\n",
      .commands = "o/w 0xcf8 0x8000301c\n"
                  "o/w 0xcfc 0xf2020000\n"
                  "o/w 0xcf8 0x800030a0\n"
                  "o/h 0xcfe 0x8004\n" },
    { .name = "a BAR over serial ports", .driver = "ne2k_pci",
      .writes = "pci 6.0 10 4 3f9\n",
      .error = "operation failed: device model 'lan': BAR 0 of its 'ne2k_pci' is at 0x3f8, "
               "where it is not put again, expected 0x1000 or above" },
    { .name = "a BAR over the display", .driver = "e1000",
      .writes = "pci 6.0 10 4 a0000\n",
      .error = "operation failed: device model 'lan': BAR 0 of its 'e1000' is at 0xa0000, "
               "where it is not put again, expected 0x100000 or above" },
    { .name = "the first BARs that may be", .driver = "rtl8139",
      .writes = "pci 6.0 10 4 1001\n"
                "pci 6.0 14 4 100000\n",
      .commands = "o/w 0xcf8 0x80003010\n"
                  "o/w 0xcfc 0x1001\n"
                  "o/w 0xcf8 0x80003014\n"
                  "o/w 0xcfc 0x100000\n" },
    { .name = "a bus master over serial ports", .capabilities = IDE,
      .writes = "pci 1.1 20 4 3f1\n",
      .error = "operation failed: device model 'lan': BAR 4 of its 'piix3-ide' is at 0x3f0, "
               "where it is not put again, expected 0x1000 or above" },

    { .name = "serial port", .capabilities = SERIAL, .nserials = 1,
      .writes = "pio 3f9 1 0\n"
                "pio 3fb 1 83\n"
                "pio 3f8 1 c\n"
                "pio 3f9 1 1\n"
                "pio 3fb 1 3\n"
                "pio 3fa 1 c7\n"
                "pio 3ff 1 a5\n"
                "pio 3fc 1 b\n"
                "pio 3f9 1 7\n"
                "pio 3f8 1 41\n"
                "pio 3fd 1 ff\n"
                "pio 3fe 1 ff\n",
      .commands = "o/b 0x3fb 0x83\n"
                  "o/b 0x3f8 0xc\n"
                  "o/b 0x3f9 0x1\n"
                  "o/b 0x3fb 0x3\n"
                  "o/b 0x3fa 0xc1\n"
                  "o/b 0x3ff 0xa5\n"
                  "o/b 0x3fc 0xb\n" },
    { .name = "serial port whose latch is open", .capabilities = SERIAL, .nserials = 2,
      .writes = "pio 2f9 1 5\n"
                "pio 2fb 1 9b\n"
                "pio 2f8 1 18\n",
      .commands = "o/b 0x2fb 0x9b\n"
                  "o/b 0x2f8 0x18\n"
                  "o/b 0x2fb 0x1b\n"
                  "o/b 0x2fb 0x9b\n" },
    { .name = "words to a serial port", .capabilities = SERIAL, .nserials = 1,
      .writes = "pio 3fb 1 80\n"
                "pio 3f8 2 10c\n"
                "pio 3fb 2 b03\n",
      .commands = "o/b 0x3fb 0x83\n"
                  "o/b 0x3f8 0xc\n"
                  "o/b 0x3f9 0x1\n"
                  "o/b 0x3fb 0x3\n"
                  "o/b 0x3fc 0xb\n" },
    { .name = "all four serial ports", .capabilities = SERIAL, .nserials = 4,
      .writes = "pio 3ff 1 1\n"
                "pio 2ff 1 2\n"
                "pio 3ef 1 4\n"
                "pio 2ef 1 8\n",
      .commands = "o/b 0x3ff 0x1\n"
                  "o/b 0x2ff 0x2\n"
                  "o/b 0x3ef 0x4\n"
                  "o/b 0x2ef 0x8\n" },
    { .name = "serial ports by their numbers", .capabilities = SERIAL,
      .nserials = 2, .serials = apart,
      .writes = "pio 3ff 1 1\n"
                "pio 2ff 1 2\n"
                "pio 3ef 1 4\n"
                "pio 2ef 1 8\n",
      .commands = "o/b 0x2ff 0x2\n"
                  "o/b 0x2ef 0x8\n" },
    { .name = "serial ports of others", .capabilities = SERIAL, .nserials = 1,
      .writes = "pio 2f9 1 1\n"
                "pio 2e9 1 1\n",
      .commands = "" },
    { .name = "serial ports and drives of others", .driver = "e1000",
      .writes = "pio 3f9 1 1\n"
                "pio 1f2 1 1\n"
                "pio 3f6 1 8\n"
                "pci 1.1 4 2 5\n",
      .commands = "" },

    { .name = "controller", .capabilities = IDE,
      .writes = "pci 1.1 40 4 c000c000\n"
                "pci 1.1 44 4 a\n"
                "pci 1.1 20 4 c041\n"
                "pci 1.1 10 4 1f1\n"
                "pci 1.1 4 2 5\n",
      .commands = "o/w 0xcf8 0x80000920\n"
                  "o/w 0xcfc 0xc041\n"
                  "o/w 0xcf8 0x80000940\n"
                  "o/w 0xcfc 0xc000c000\n"
                  "o/w 0xcf8 0x80000944\n"
                  "o/w 0xcfc 0xa\n"
                  "o/w 0xcf8 0x80000904\n"
                  "o/h 0xcfc 0x5\n" },
    { .name = "a command that is being put together", .capabilities = IDE,
      .writes = "pci 1.1 20 4 c041\n"
                "pio 3f6 1 8\n"
                "pio 1f1 1 0\n" "pio 1f2 1 1\n" "pio 1f3 1 2\n" "pio 1f4 1 3\n" "pio 1f5 1 4\n"
                "pio 1f1 1 5\n" "pio 1f2 1 6\n" "pio 1f3 1 7\n" "pio 1f4 1 8\n" "pio 1f5 1 9\n"
                "pio 1f6 1 e0\n"
                "pio c044 4 12345670\n"
                "pio c042 1 66\n"
                "pio c040 1 9\n",
      .commands = "o/w 0xcf8 0x80000920\n"
                  "o/w 0xcfc 0xc041\n"
                  "o/b 0xc040 0x8\n"
                  "o/b 0xc042 0x60\n"
                  "o/w 0xc044 0x12345670\n"
                  "o/b 0x1f1 0x0\n" "o/b 0x1f1 0x5\n"
                  "o/b 0x1f2 0x1\n" "o/b 0x1f2 0x6\n"
                  "o/b 0x1f3 0x2\n" "o/b 0x1f3 0x7\n"
                  "o/b 0x1f4 0x3\n" "o/b 0x1f4 0x8\n"
                  "o/b 0x1f5 0x4\n" "o/b 0x1f5 0x9\n"
                  "o/b 0x1f6 0xe0\n"
                  "o/b 0x3f6 0x8\n" },
    { .name = "the second channel", .capabilities = IDE,
      .writes = "pci 1.1 20 4 c041\n"
                "pio c048 1 8\n"
                "pio c04c 2 5670\n"
                "pio c04e 2 1234\n"
                "pio 172 1 1\n"
                "pio 176 1 a0\n"
                "pio 376 1 a\n",
      .commands = "o/w 0xcf8 0x80000920\n"
                  "o/w 0xcfc 0xc041\n"
                  "o/b 0xc048 0x8\n"
                  "o/w 0xc04c 0x12345670\n"
                  "o/b 0x172 0x1\n"
                  "o/b 0x176 0xa0\n"
                  "o/b 0x376 0xa\n" },
    { .name = "data and commands are not written again", .capabilities = IDE,
      .writes = "pio 1f0 2 ffff\n"
                "pio 1f0 4 ffffffff\n"
                "pio 1f0 1 ff\n"
                "pio 1f7 1 ca\n"
                "pio 170 2 ffff\n",
      .commands = "" },
    { .name = "words to a drive", .capabilities = IDE,
      .writes = "pio 1f2 2 201\n"
                "pio 1f4 4 4030201\n",
      .commands = "o/b 0x1f2 0x1\n"
                  "o/b 0x1f3 0x2\n" },
    { .name = "words to a bus master", .capabilities = IDE,
      .writes = "pci 1.1 20 4 c041\n"
                "pio c040 2 6608\n"
                "pio c042 4 ffffffff\n",
      .commands = "o/w 0xcf8 0x80000920\n"
                  "o/w 0xcfc 0xc041\n" },
    { .name = "drives that are reset", .capabilities = IDE,
      .writes = "pio 1f2 1 1\n"
                "pio 1f6 1 b0\n"
                "pio 172 1 1\n"
                "pio 3f6 1 c\n",
      .commands = "o/b 0x3f6 0xc\n"
                  "o/b 0x172 0x1\n" },
    { .name = "commands that have not ended", .capabilities = IDE, .ndisks = 2,
      .writes = "pio 176 1 e0\n"
                "pio 173 1 41\n"
                "pio 177 1 c8\n"
                "pio 376 1 8\n",
      .commands = "o/b 0x376 0x2\n"
                  "o/b 0x176 0xb0\n"
                  "o/b 0x177 0x0\n"
                  "o/b 0x176 0xa0\n"
                  "o/b 0x177 0x0\n"
                  "o/b 0x176 0xa0\n"
                  "o/b 0x376 0x0\n"
                  "o/b 0x173 0x41\n"
                  "o/b 0x176 0xe0\n"
                  "o/b 0x376 0x8\n" },
    { .name = "a command that says nothing of the device", .capabilities = IDE, .ndisks = 1,
      .writes = "pio 177 1 e7\n",
      .commands = "o/b 0x376 0x2\n"
                  "o/b 0x176 0xb0\n"
                  "o/b 0x177 0x0\n"
                  "o/b 0x176 0xa0\n"
                  "o/b 0x376 0x0\n" },
    { .name = "no command since a reset", .capabilities = IDE, .ndisks = 2,
      .writes = "pio 177 1 c8\n"
                "pio 376 1 4\n"
                "pio 376 1 0\n"
                "pio 1f7 1 c8\n",
      .commands = "o/b 0x376 0x0\n" },
    { .name = "a bus master that is not placed", .capabilities = IDE,
      .writes = "pio 4 4 12345670\n"
                "pio c044 4 12345670\n"
                "pci 1.1 20 4 c041\n",
      .commands = "o/w 0xcf8 0x80000920\n"
                  "o/w 0xcfc 0xc041\n" },
};


/* Whatever is in the file: no more is told than of what is the secondary's. */
static int
testHostile(const void *opaque G_GNUC_UNUSED)
{
    libxlDeviceModelNIC nic = { .driver = "rtl8139", .slot = 6 };
    char name[] = "lan";
    libxlDeviceModelConfig config = { .name = name, .nnics = 1, .nics = &nic };
    g_autofree libxlDeviceModelRegisters *registers = g_new0(libxlDeviceModelRegisters, 1);
    g_auto(GStrv) commands = NULL;
    g_autofree char *joined = NULL;

    memset(registers, 0xff, sizeof(*registers));
    if (!(commands = libxlDeviceModelReplayPlan(&config, registers)))
        return -1;

    joined = testJoin(commands);
    return virTestCompareToString("o/w 0xcf8 0x80003010\n"
                                  "o/w 0xcfc 0xffffffff\n"
                                  "o/w 0xcf8 0x80003014\n"
                                  "o/w 0xcfc 0xffffffff\n"
                                  "o/w 0xcf8 0x8000303c\n"
                                  "o/b 0xcfc 0xff\n"
                                  "o/w 0xcf8 0x8000300c\n"
                                  "o/h 0xcfc 0xffff\n"
                                  "o/w 0xcf8 0x80003004\n"
                                  "o/h 0xcfc 0xffff\n",
                                  joined);
}


typedef struct {
    const char *write;
    const char *commands;
} testLate;

static const testLate lateWrites[] = {
    { "pci 6.0 10 4 f2000000", "o/w 0xcf8 0x80003010\no/w 0xcfc 0xf2000000\n" },
    { "pci 6.0 5 1 4", "o/w 0xcf8 0x80003004\no/b 0xcfd 0x4\n" },
    { "pci 6.1 10 4 f2000000", "" },
    { "pci 7.0 10 4 f2000000", "" },
    { "pci 1.1 20 4 c041", "o/w 0xcf8 0x80000920\no/w 0xcfc 0xc041\n" },
    { "pci 1.0 20 4 c041", "" },
    { "pio 3f8 1 41", "o/b 0x3f8 0x41\n" },
    { "pio 3fe 2 4241", "o/h 0x3fe 0x4241\n" },
    { "pio 3fe 4 4241", "" },
    { "pio 2f8 1 41", "" },
    { "pio 1f7 1 ca", "o/b 0x1f7 0xca\n" },
    { "pio 1f0 4 12345678", "o/w 0x1f0 0x12345678\n" },
    { "pio 376 1 8", "o/b 0x376 0x8\n" },
    { "pio 376 2 8", "" },
    { "pio c040 1 9", "o/b 0xc040 0x9\n" },
    { "pio c04c 4 12345670", "o/w 0xc04c 0x12345670\n" },
    { "pio c04e 4 12345670", "" },
    { "pio c050 1 9", "" },
    { "pio cf8 4 80000000", "" },
    { "pio 20 1 11", "" },
};


/* What waits for the old process is done by the new one, if it is its own. */
static int
testLateRun(const void *opaque)
{
    const testLate *test = opaque;
    libxlDeviceModelNIC nic = { .driver = "e1000", .slot = 6 };
    libxlDeviceModelConfig config = {
        .capabilities = IDE | SERIAL, .nnics = 1, .nics = &nic, .nserials = 1,
        .serials = serials,
    };
    g_autofree libxlDeviceModelRegisters *registers = g_new0(libxlDeviceModelRegisters, 1);
    libxlDeviceModelWrite write;
    g_auto(GStrv) commands = NULL;
    g_autofree char *joined = NULL;

    if (testWrite(registers, "pci 1.1 20 4 c041\n") < 0 ||
        testWriteParse(test->write, &write) < 0)
        return -1;

    commands = libxlDeviceModelReplayLate(&config, registers, &write);
    joined = testJoin(commands);
    return virTestCompareToString(test->commands, joined);
}


/* A master where no guest puts it is nobody's, and neither are drives. */
static int
testLateNone(const void *opaque G_GNUC_UNUSED)
{
    libxlDeviceModelConfig config = { .capabilities = IDE };
    g_autofree libxlDeviceModelRegisters *registers = g_new0(libxlDeviceModelRegisters, 1);
    libxlDeviceModelWrite write;
    g_auto(GStrv) low = NULL;
    g_auto(GStrv) unclaimed = NULL;

    if (testWrite(registers, "pci 1.1 20 4 21\n") < 0 ||
        testWriteParse("pio 20 1 11", &write) < 0)
        return -1;
    low = libxlDeviceModelReplayLate(&config, registers, &write);

    config.capabilities = 0;
    if (testWriteParse("pio 1f7 1 ca", &write) < 0)
        return -1;
    unclaimed = libxlDeviceModelReplayLate(&config, registers, &write);

    return *low || *unclaimed ? -1 : 0;
}


/* An intruder's BAR among ISA devices, in a file, in which its upper bytes count as not
 * written, and in a request. */
static int
testForgedBAR(const void *opaque G_GNUC_UNUSED)
{
    libxlDeviceModelNIC nic = { .driver = "e1000", .slot = 6 };
    char name[] = "lan";
    libxlDeviceModelConfig config = { .name = name, .nnics = 1, .nics = &nic };
    g_autofree libxlDeviceModelRegisters *registers = g_new0(libxlDeviceModelRegisters, 1);
    const char *error = "operation failed: device model 'lan': BAR 1 of its 'e1000' is at 0x3f0, "
                        "where it is not put again, expected 0x1000 or above";
    libxlDeviceModelWrite write;

    registers->config[6][0x14 / 4] = 3ULL << 32 | 0xffff03f1;
    if (libxlDeviceModelReplayPlan(&config, registers) ||
        virTestCompareToString(error, virGetLastErrorMessage()) < 0)
        return -1;

    virResetLastError();
    registers->config[6][0x14 / 4] = 0;
    if (testWriteParse("pci 6.0 14 4 3f1", &write) < 0 ||
        libxlDeviceModelReplayLate(&config, registers, &write))
        return -1;

    return virTestCompareToString(error, virGetLastErrorMessage());
}


typedef struct {
    const char *writes; /* of the guest, since @before */
    unsigned int commanded;
    const char *commands;
} testTold;


/* What a process is told that serves the guest, or told again. */
static int
testToldRun(const libxlDeviceModelConfig *config,
            const libxlDeviceModelRegisters *before,
            bool again,
            const testTold *cases,
            size_t ncases)
{
    size_t i;

    for (i = 0; i < ncases; i++) {
        g_autofree libxlDeviceModelRegisters *now = g_new0(libxlDeviceModelRegisters, 1);
        g_auto(GStrv) commands = NULL;
        g_autofree char *joined = NULL;

        *now = *before;
        if (testWrite(now, cases[i].writes) < 0)
            return -1;

        commands = again ? libxlDeviceModelReplayAgain(config, before, now)
                         : libxlDeviceModelReplayInterrupts(config, before, now, cases[i].commanded);
        joined = testJoin(commands);
        if (virTestCompareToString(cases[i].commands, joined) < 0) {
            VIR_TEST_VERBOSE("case %zu", i);
            return -1;
        }
    }

    return 0;
}


/* What the guest has written since the process serves it stays. */
static int
testInterrupts(const void *opaque G_GNUC_UNUSED)
{
    static const testTold cases[] = {
        { "", 0, "o/b 0x3f9 0x7\no/b 0x2f9 0x5\n" },
        { "pio 3f9 1 0\n", 0, "o/b 0x2f9 0x5\n" },
        { "pio 3fb 1 83\npio 2f8 1 41\n", 0, "o/b 0x2f9 0x5\n" },
        { "pio 3fb 1 83\npio 3fb 1 3\n", 0, "o/b 0x3f9 0x7\no/b 0x2f9 0x5\n" },
    };
    libxlDeviceModelConfig config = { .capabilities = SERIAL, .nserials = 3, .serials = serials };
    g_autofree libxlDeviceModelRegisters *before = g_new0(libxlDeviceModelRegisters, 1);

    if (testWrite(before, "pio 3fb 1 3\npio 3f9 1 7\npio 2f9 1 5\npio 2e9 1 1\n") < 0)
        return -1;

    return testToldRun(&config, before, false, cases, G_N_ELEMENTS(cases));
}


/* A guest that waits for a command of the dead's has an interrupt, if it wants one, but for
 * one of a command that was told late. */
static int
testDriveInterrupts(const void *opaque G_GNUC_UNUSED)
{
    static const testTold cases[] = {
        { "", 0, "" },
        { "pio 1f7 1 c8\n", 0, "o/b 0x1f7 0x0\n" },
        { "pio 1f7 1 c8\n", 2, "o/b 0x1f7 0x0\n" },
        { "pio 1f7 1 c8\n", 1, "" },
        { "pio 177 1 c8\n", 0, "" },
        { "pio 1f7 1 c8\npio 3f6 1 8\n", 0, "o/b 0x1f7 0x0\n" },
        { "pio 1f7 1 c8\npio 3f6 1 2\n", 0, "" },
        { "pio 1f7 1 c8\npio 3f6 1 4\n", 0, "" },
        { "pio 1f7 1 c8\npio 3f6 1 4\npio 3f6 1 0\n", 0, "" },
        { "pio 3f6 1 4\npio 3f6 1 0\npio 1f7 1 ec\n", 0, "o/b 0x1f7 0x0\n" },
        { "pio 1f7 1 c8\npio 376 1 2\n", 0, "o/b 0x1f7 0x0\n" },
    };
    libxlDeviceModelDisk disk = { .unit = 1 };
    libxlDeviceModelConfig config = { .capabilities = IDE, .ndisks = 1, .disks = &disk };
    g_autofree libxlDeviceModelRegisters *before = g_new0(libxlDeviceModelRegisters, 1);

    return testToldRun(&config, before, false, cases, G_N_ELEMENTS(cases));
}


/* What the guest writes while the process is told is told again, and nothing else. */
static int
testAgain(const void *opaque G_GNUC_UNUSED)
{
    static const testTold cases[] = {
        { "", 0, "" },
        { "pio 3fc 1 b\n", 0, "" },
        { "pio 2f9 1 0\n", 0, "o/b 0x2f9 0x0\n" },
        { "pio 2f9 1 0\npio 2fb 1 83\n", 0, "" },
    };
    libxlDeviceModelDisk disk = { 0 };
    libxlDeviceModelConfig config = {
        .capabilities = IDE | SERIAL, .nserials = 2, .serials = serials,
        .ndisks = 1, .disks = &disk,
    };
    g_autofree libxlDeviceModelRegisters *told = g_new0(libxlDeviceModelRegisters, 1);

    if (testWrite(told, "pio 3f9 1 7\npio 2f9 1 5\n") < 0)
        return -1;

    return testToldRun(&config, told, true, cases, G_N_ELEMENTS(cases));
}


/* A guest that has opened the latch has its interrupts when it has closed it. */
static int
testLatched(const void *opaque G_GNUC_UNUSED)
{
    static const testTold cases[] = {
        { "", 0, "" },
        { "pio 2f9 1 0\n", 0, "" },
        { "pio 2fb 1 3\n", 0, "o/b 0x2f9 0x5\n" },
        { "pio 2fb 1 3\npio 2f9 1 0\n", 0, "o/b 0x2f9 0x0\n" },
        { "pio 2fb 1 3\npio 2fb 1 83\n", 0, "" },
    };
    libxlDeviceModelConfig config = { .capabilities = SERIAL, .nserials = 2, .serials = apart };
    g_autofree libxlDeviceModelRegisters *told = g_new0(libxlDeviceModelRegisters, 1);

    if (testWrite(told, "pio 3f9 1 5\npio 3fb 1 83\npio 2fb 1 83\n") < 0 ||
        libxlDeviceModelReplayIsLatched(&config, told) ||
        testWrite(told, "pio 2fb 1 3\npio 2f9 1 5\n") < 0 ||
        libxlDeviceModelReplayIsLatched(&config, told) ||
        testWrite(told, "pio 2fb 1 83\n") < 0 ||
        !libxlDeviceModelReplayIsLatched(&config, told))
        return -1;

    return testToldRun(&config, told, true, cases, G_N_ELEMENTS(cases));
}


/* Neither COM1 nor COM3 is told anything. */
static int
testNumbers(const void *opaque G_GNUC_UNUSED)
{
    static const testTold interrupts[] = {
        { "", 0, "o/b 0x2f9 0x2\no/b 0x2e9 0x8\n" },
    };
    static const testTold again[] = {
        { "pio 3f9 1 0\npio 3e9 1 0\n", 0, "" },
        { "pio 2e9 1 0\n", 0, "o/b 0x2e9 0x0\n" },
    };
    static const testLate late[] = {
        { "pio 3f8 1 41", "" },
        { "pio 2f8 1 41", "o/b 0x2f8 0x41\n" },
        { "pio 3e8 1 41", "" },
        { "pio 2e8 1 41", "o/b 0x2e8 0x41\n" },
    };
    libxlDeviceModelConfig config = { .capabilities = SERIAL, .nserials = 2, .serials = apart };
    g_autofree libxlDeviceModelRegisters *before = g_new0(libxlDeviceModelRegisters, 1);
    size_t i;

    if (testWrite(before, "pio 3f9 1 1\npio 2f9 1 2\npio 3e9 1 4\npio 2e9 1 8\n") < 0 ||
        testToldRun(&config, before, false, interrupts, G_N_ELEMENTS(interrupts)) < 0 ||
        testToldRun(&config, before, true, again, G_N_ELEMENTS(again)) < 0)
        return -1;

    for (i = 0; i < G_N_ELEMENTS(late); i++) {
        libxlDeviceModelWrite write;
        g_auto(GStrv) commands = NULL;
        g_autofree char *joined = NULL;

        if (testWriteParse(late[i].write, &write) < 0)
            return -1;

        commands = libxlDeviceModelReplayLate(&config, before, &write);
        joined = testJoin(commands);
        if (virTestCompareToString(late[i].commands, joined) < 0)
            return -1;
    }

    return 0;
}


typedef struct {
    const char *write;
    uint32_t data; /* that is served */
} testFilter;


/* Each write is filtered, and noted as it is served then. */
static int
testFilterRun(libxlDeviceModelRegisters *registers,
              const testFilter *writes,
              size_t nwrites)
{
    size_t i;

    for (i = 0; i < nwrites; i++) {
        libxlDeviceModelWrite write;

        if (testWriteParse(writes[i].write, &write) < 0)
            return -1;

        write.data = libxlDeviceModelRegistersFilter(registers, &write);
        libxlDeviceModelRegistersNote(registers, &write);
        if (write.data != writes[i].data) {
            VIR_TEST_VERBOSE("write %zu, '%s', becomes 0x%x", i, writes[i].write, write.data);
            return -1;
        }
    }

    return 0;
}


/* Drives of a guest that was not held refuse commands before it has reset them, or has begun
 * anew; those of the other channel do not. */
static int
testRefuse(const void *opaque G_GNUC_UNUSED)
{
    static const testFilter before[] = {
        { "pio 177 1 ca", 0xca },
    };
    static const testFilter reset[] = {
        { "pio 173 1 41", 0x41 }, { "pio 177 1 ca", 0 }, { "pio 176 2 caa0", 0xa0 },
        { "pio 3f6 1 4", 4 }, { "pio 376 1 8", 8 }, { "pio 177 1 c8", 0 },
        { "pio 178 1 a0", 0xa0 }, { "pci 6.0 177 1 ca", 0xca }, { "pio 1f7 1 ca", 0xca },
        /* what says no sector */
        { "pio 177 1 ec", 0xec }, { "pio 177 1 a1", 0xa1 }, { "pio 177 1 e7", 0xe7 },
        { "pio 177 1 ea", 0xea }, { "pio 177 1 8", 8 }, { "pio 177 1 ef", 0 },
        { "pio 376 1 4", 4 }, { "pio 376 1 0", 0 }, { "pio 177 1 ca", 0xca },
    };
    static const testFilter packet[] = {
        { "pio 177 1 a0", 0 }, { "pio 177 1 a0", 0xa0 }, { "pio 177 1 c8", 0 },
    };
    static const testFilter anew[] = {
        { "pio 172 1 1", 1 }, { "pio 173 1 2", 2 }, { "pio 174 1 3", 3 }, { "pio 175 1 4", 4 },
        { "pio 176 1 e0", 0xe0 }, { "pio 177 1 ca", 0 },
        { "pio 172 1 1", 1 }, { "pio 173 1 2", 2 }, { "pio 174 1 3", 3 }, { "pio 175 1 4", 4 },
        { "pio 177 1 ca", 0 },
        { "pio 172 1 1", 1 }, { "pio 173 2 302", 0x302 }, { "pio 175 1 4", 4 },
        { "pio 176 2 cae0", 0xcae0 }, { "pio 177 1 ca", 0xca },
    };
    libxlDeviceModelDisk disk = { .bus = 1 };
    libxlDeviceModelConfig config = { .capabilities = IDE, .ndisks = 1, .disks = &disk };
    g_autofree libxlDeviceModelRegisters *registers = g_new0(libxlDeviceModelRegisters, 1);

    if (testFilterRun(registers, before, G_N_ELEMENTS(before)) < 0)
        return -1;

    libxlDeviceModelReplayRefuse(&config, registers);
    if (testFilterRun(registers, reset, G_N_ELEMENTS(reset)) < 0)
        return -1;

    libxlDeviceModelReplayRefuse(&config, registers);
    if (testFilterRun(registers, packet, G_N_ELEMENTS(packet)) < 0)
        return -1;

    libxlDeviceModelReplayRefuse(&config, registers);
    return testFilterRun(registers, anew, G_N_ELEMENTS(anew));
}


/* What a process has whose guest was not held, and the interrupts that it is told of: those that
 * a guest waits for that has its port open, whatever was lost of what it wrote. */
static int
testAssume(const void *opaque G_GNUC_UNUSED)
{
    static const struct {
        const char *writes;
        const char *plan;
        const char *interrupts;
    } cases[] = {
        { "pio 2f9 1 5\npio 2fc 1 b\n", "o/b 0x2fc 0xb\n", "o/b 0x2f9 0x7\n" },
        { "pio 2f9 1 0\npio 2fc 1 8\n", "o/b 0x2fc 0x8\n", "o/b 0x2f9 0x3\n" },
        { "pio 2fc 1 b\n", "o/b 0x2fc 0xb\n", "o/b 0x2f9 0x3\n" },
        { "pio 2f9 1 5\npio 2fc 1 3\n", "o/b 0x2fc 0x3\n", "o/b 0x2f9 0x5\n" },
        { "pio 2f9 1 f\npio 2fb 1 83\npio 2f8 1 c\npio 2fc 1 b\n",
          "o/b 0x2fb 0x83\no/b 0x2f8 0xc\no/b 0x2fb 0x3\no/b 0x2fc 0xb\n", "o/b 0x2f9 0xf\n" },
        { "pio 2f9 1 5\npio 2fb 1 83\n", "o/b 0x2fb 0x3\n", "o/b 0x2f9 0x5\n" },
        { "pio 3f9 1 5\npio 3fc 1 b\n", "", "" },
        { "", "", "" },
    };
    libxlDeviceModelConfig config = { .capabilities = SERIAL, .nserials = 2, .serials = apart };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree libxlDeviceModelRegisters *registers = g_new0(libxlDeviceModelRegisters, 1);
        g_auto(GStrv) plan = NULL;
        g_auto(GStrv) interrupts = NULL;
        g_autofree char *planned = NULL;
        g_autofree char *told = NULL;

        if (testWrite(registers, cases[i].writes) < 0)
            return -1;

        libxlDeviceModelReplayAssume(&config, registers);
        plan = libxlDeviceModelReplayPlan(&config, registers);
        interrupts = libxlDeviceModelReplayInterrupts(&config, registers, registers, 0);
        planned = testJoin(plan);
        told = testJoin(interrupts);
        if (virTestCompareToString(cases[i].plan, planned) < 0 ||
            virTestCompareToString(cases[i].interrupts, told) < 0) {
            VIR_TEST_VERBOSE("case %zu", i);
            return -1;
        }
    }

    return 0;
}


/* Which channel has a command with a write. */
static int
testCommanded(const void *opaque G_GNUC_UNUSED)
{
    static const testFilter cases[] = {
        { "pio 1f7 1 ca", 1 }, { "pio 177 1 ca", 2 }, { "pio 1f6 2 caa0", 1 },
        { "pio 1f6 1 a0", 0 }, { "pio 1f8 1 a0", 0 }, { "pci 6.0 177 1 ca", 0 },
    };
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(cases); i++) {
        libxlDeviceModelWrite write;

        if (testWriteParse(cases[i].write, &write) < 0 ||
            libxlDeviceModelWriteGetCommanded(&write) != cases[i].data)
            return -1;
    }

    return 0;
}


typedef struct {
    const char *name;
    ioreq_t request;
    bool ok;
    libxlDeviceModelWrite write;
} testRequest;

#define CONFIG(devfn, offset) ((uint64_t)(devfn) << 32 | (offset))
#define REQUEST_BUT(type_, addr_, size_, data_, dir_, ptr_, count_) \
    .request = { .type = IOREQ_TYPE_ ## type_, .dir = dir_, .data_is_ptr = ptr_, \
                 .count = count_, .addr = addr_, .size = size_, .data = data_ }
#define REQUEST(type_, addr_, size_, data_) \
    REQUEST_BUT(type_, addr_, size_, data_, IOREQ_WRITE, 0, 1)

static const testRequest requests[] = {
    { "port", REQUEST(PIO, 0x3f9, 1, 0x7), true,
      { .slot = 0, .address = 0x3f9, .size = 1, .data = 7 } },
    { "last port", REQUEST(PIO, 0xffff, 1, 0x7), true,
      { .slot = 0, .address = 0xffff, .size = 1, .data = 7 } },
    { "no port", REQUEST(PIO, 0x10000, 1, 0x7), false, { 0 } },
    { "configuration", REQUEST(PCI_CONFIG, CONFIG(0x31, 0x10), 4, 0xf2000000), true,
      { .config = true, .slot = 6, .function = 1, .address = 0x10, .size = 4, .data = 0xf2000000 } },
    { "last register", REQUEST(PCI_CONFIG, CONFIG(0xff, 0xff), 1, 1), true,
      { .config = true, .slot = 31, .function = 7, .address = 0xff, .size = 1, .data = 1 } },
    { "extended configuration", REQUEST(PCI_CONFIG, CONFIG(0x31, 0x100), 4, 1), false, { 0 } },
    { "another bus", REQUEST(PCI_CONFIG, CONFIG(0x130, 0x10), 4, 1), false, { 0 } },
    { "another segment", REQUEST(PCI_CONFIG, CONFIG(0x10030, 0x10), 4, 1), false, { 0 } },
    { "memory", REQUEST(COPY, 0x3f9, 1, 1), false, { 0 } },
    { "read", REQUEST_BUT(PIO, 0x3f9, 1, 1, IOREQ_READ, 0, 1), false, { 0 } },
    { "data elsewhere", REQUEST_BUT(PIO, 0x3f9, 1, 1, IOREQ_WRITE, 1, 1), false, { 0 } },
    { "several", REQUEST_BUT(PIO, 0x3f9, 1, 1, IOREQ_WRITE, 0, 2), false, { 0 } },
    { "no size", REQUEST(PIO, 0x3f9, 0, 1), false, { 0 } },
    { "odd size", REQUEST(PIO, 0x3f9, 3, 1), false, { 0 } },
    { "large size", REQUEST(PIO, 0x3f9, 8, 1), false, { 0 } },
};


static int
testRequestRun(const void *opaque)
{
    const testRequest *test = opaque;
    libxlDeviceModelWrite write = { 0 };

    if (libxlDeviceModelWriteInit(&write, &test->request) != test->ok)
        return -1;

    if (!test->ok)
        return 0;

    return write.config == test->write.config &&
           write.slot == test->write.slot && write.function == test->write.function &&
           write.address == test->write.address && write.size == test->write.size &&
           write.data == test->write.data ? 0 : -1;
}


typedef struct {
    const char *request; /* how, where, bytes, data */
    const char *served; /* data, or "nothing"; NULL for what was asked for */
} testDMA;

typedef struct {
    const char *name;
    const char *driver; /* of the NIC in slot 6 */
    const testDMA *requests; /* until one is none */
} testGuard;


/* All hexadecimal: "mem", "pio", "pci" (of slot 6) or "read" ADDRESS SIZE DATA; "ptr" or "outs"
 * likewise, with data elsewhere in the guest's memory; "up" or "down" likewise, and how often. */
static int
testRequestParse(const char *line,
                 ioreq_t *request)
{
    char how[8];
    unsigned int size;
    unsigned int count = 1;

    *request = (ioreq_t) { .type = IOREQ_TYPE_COPY, .dir = IOREQ_WRITE };
    if (sscanf(line, "%7s %" SCNx64 " %x %" SCNx64 " %x", how, &request->addr, &size,
               &request->data, &count) < 4) {
        fprintf(stderr, "'%s' is no request\n", line);
        return -1;
    }

    request->size = size;
    request->count = count;
    request->df = STREQ(how, "down");
    request->data_is_ptr = STREQ(how, "ptr") || STREQ(how, "outs");
    if (STREQ(how, "pio") || STREQ(how, "outs"))
        request->type = IOREQ_TYPE_PIO;
    if (STREQ(how, "pci"))
        request->type = IOREQ_TYPE_PCI_CONFIG;
    if (STREQ(how, "read"))
        request->dir = IOREQ_READ;

    return 0;
}


/* How it is served is how it was asked for, but for its data. */
static char *
testRequestFormat(const ioreq_t *request,
                  const ioreq_t *asked)
{
    ioreq_t same = *asked;

    if (request->type == IOREQ_TYPE_COPY && request->count == 0)
        return g_strdup("nothing");

    same.data = request->data;
    return memcmp(&same, request, sizeof(same)) == 0 ? g_strdup_printf("%" PRIx64, request->data)
                                                     : g_strdup("something else");
}


static int
testGuardStep(libxlDeviceModelRegisters *registers,
              const testDMA *step)
{
    g_autofree libxlDeviceModelRegisters *before = g_new0(libxlDeviceModelRegisters, 1);
    g_autofree char *asked = NULL;
    g_autofree char *served = NULL;
    libxlDeviceModelWrite write;
    ioreq_t request;
    ioreq_t copy;
    bool changed;

    if (testRequestParse(step->request, &request) < 0)
        return -1;

    *before = *registers;
    copy = request;
    asked = testRequestFormat(&request, &request);
    changed = libxlDeviceModelDMAFilter(registers, &request);
    served = testRequestFormat(&request, &copy);

    if (STRNEQ(served, step->served ? step->served : asked) ||
        changed != STRNEQ(served, asked)) {
        VIR_TEST_VERBOSE("'%s' is served as %s", step->request, served);
        return -1;
    }

    if (libxlDeviceModelWriteInit(&write, &request))
        libxlDeviceModelRegistersNote(registers, &write);

    /* what is not served has not been written */
    return STREQ(served, "nothing") && memcmp(before, registers, sizeof(*before)) != 0 ? -1 : 0;
}


static int
testGuardRun(const void *opaque)
{
    const testGuard *test = opaque;
    libxlDeviceModelNIC nics[] = {
        { .driver = "ne2k_pci", .slot = 5 },
        { .driver = "e1000", .slot = 9 },
        { .driver = test->driver, .slot = 6 },
    };
    libxlDeviceModelConfig config = { .nnics = G_N_ELEMENTS(nics), .nics = nics };
    g_autofree libxlDeviceModelRegisters *registers = g_new0(libxlDeviceModelRegisters, 1);
    size_t i;

    /* BARs 0, 1, 2 and 3, of which the next card's memory follows that of its messages */
    if (testWrite(registers,
                  "pci 5.0 10 4 c301\npci 9.0 10 4 f3000000\n"
                  "pci 6.0 10 4 f2000000\npci 6.0 14 4 f2100000\n"
                  "pci 6.0 18 4 c001\npci 6.0 1c 4 f2200000\n") < 0)
        return -1;
    if (STREQ(test->driver, "rtl8139") &&
        testWrite(registers, "pci 6.0 10 4 c101\npci 6.0 14 4 f2300000\n") < 0)
        return -1;

    /* what an intruder has left */
    memset(registers->dma, 0xff, sizeof(registers->dma));
    libxlDeviceModelReplayGuard(&config, registers);

    for (i = 0; test->requests[i].request; i++) {
        if (testGuardStep(registers, &test->requests[i]) < 0)
            return -1;
    }

    return i > 0 ? 0 : -1;
}


/* TCTL is at 400 and RCTL at 100; what switches on is 2. */
static const testGuard guards[] = {
    { "a link that comes back", "e1000", (const testDMA[]) {
        { "mem f2000400 4 3003f0fa", "3003f0f8" },
        { "mem f2003818 4 1", NULL },
        { "mem f2000400 4 3003f0fa", "3003f0f8" },
        { NULL, NULL } } },
    { "ones that were read", "e1000", (const testDMA[]) {
        { "mem f2000100 4 ffffffff", "fffffffd" },
        { "mem f2000400 4 ffffffff", "fffffffd" },
        { NULL, NULL } } },
    { "rings of Linux", "e1000", (const testDMA[]) {
        { "mem f2003808 4 1000", NULL },
        { "mem f2003804 4 0", NULL },
        { "mem f2000400 4 fa", "f8" },
        { "mem f2003800 4 12345000", NULL },
        { "mem f2000100 4 2", "0" },
        { "mem f2000400 4 fa", NULL },
        { "mem f2002808 4 1000", NULL },
        { "mem f2002804 4 0", NULL },
        { "mem f2000100 4 8002", "8000" },
        { "mem f2002800 4 12346000", NULL },
        { "mem f2000100 4 8002", NULL },
        { NULL, NULL } } },
    { "an address that the process before was given", "e1000", (const testDMA[]) {
        { "mem f2003804 4 0", NULL },
        { "mem f2003808 4 1000", NULL },
        { "mem f2000400 4 fa", "f8" },
        { NULL, NULL } } },
    { "half an address", "e1000", (const testDMA[]) {
        { "mem f2003800 4 12345000", NULL },
        { "mem f2003808 4 1000", NULL },
        { "mem f2000400 4 fa", "f8" },
        { NULL, NULL } } },
    { "two registers at once", "e1000", (const testDMA[]) {
        { "mem f20000fc 8 200000001", "1" },
        { "mem f2003800 8 12345000", NULL },
        { "mem f2003808 8 1000", NULL },
        { "mem f20003fc 8 200000001", NULL },
        { NULL, NULL } } },
    { "another card's registers", "e1000", (const testDMA[]) {
        { "mem f3003800 4 12345000", NULL },
        { "mem f3003804 4 0", NULL },
        { "mem f3003808 4 1000", NULL },
        { "mem f2000400 4 2", "0" },
        { "mem f3000400 4 2", NULL },
        { NULL, NULL } } },
    { "nobody's registers", "e1000", (const testDMA[]) {
        { "mem f1fff400 4 2", NULL },
        { "mem f2020400 4 2", NULL },
        { "mem 400 4 2", NULL },
        { "pio 400 4 2", NULL },
        { "read f2000400 4 2", NULL },
        { "ptr f1fff400 4 1000 100", NULL },
        { NULL, NULL } } },
    { "registers that are placed elsewhere", "e1000", (const testDMA[]) {
        { "pci 3000000010 4 f4000008", NULL },
        { "mem f2000400 4 2", NULL },
        { "mem f4000400 4 2", "0" },
        { "pci 3000000010 4 ffffffff", NULL },
        { "mem f4000400 4 2", NULL },
        { "pci 3000000010 4 f401fff0", NULL },
        { "mem f4000400 4 2", "0" },
        { NULL, NULL } } },
    { "parts of a register", "e1000", (const testDMA[]) {
        { "mem f2000400 1 2", "nothing" },
        { "mem f2000401 1 2", "nothing" },
        { "mem f2000402 2 2", "nothing" },
        { "mem f20003fe 4 2", "nothing" },
        { "mem f20003fc 1 2", NULL },
        { "mem f20003fa 8 2", "nothing" },
        { "mem f2000404 4 2", NULL },
        { "mem f2003800 2 5000", "nothing" },
        { "mem f2000400 3 2", "nothing" },
        { NULL, NULL } } },
    { "string instructions", "e1000", (const testDMA[]) {
        { "ptr f2000400 4 1000", "nothing" },
        { "ptr f2003800 4 1000", "nothing" },
        { "ptr f20003f0 4 1000 4", NULL },
        { "ptr f20003f0 4 1000 5", "nothing" },
        { "up f20003f0 4 2 5", "nothing" },
        { "up f20000f0 1 2 10", NULL },
        { "up f20000f0 1 2 11", "nothing" },
        { "down f2000410 4 2 4", NULL },
        { "down f2000410 4 2 5", "nothing" },
        { "up f1fff000 4 2 500", "nothing" },
        { "up f1fff000 4 2 440", NULL },
        { "down f2020000 4 2 8000", "nothing" },
        { "down 10 8 2 ffffffff", NULL },
        { "up fffffffffffffff8 8 2 ffffffff", NULL },
        { NULL, NULL } } },
    { "an e1000's ports do nothing", "e1000", (const testDMA[]) {
        { "pio f2100000 4 400", NULL },
        { "pio c000 4 400", NULL },
        { "pio c004 4 2", NULL },
        { NULL, NULL } } },

    { "both queues", "e1000e", (const testDMA[]) {
        { "mem f2003800 8 12345000", NULL },
        { "mem f2003808 4 1000", NULL },
        { "mem f2000400 4 2", NULL },
        { "mem f2003908 4 1000", "0" },
        { "mem f2000400 4 0", NULL },
        { "mem f2003908 4 1000", NULL },
        { "mem f2000400 4 2", "0" },
        { "mem f2003900 4 12347000", NULL },
        { "mem f2000400 4 2", "0" },
        { "mem f2003904 4 0", NULL },
        { "mem f2000400 4 2", NULL },
        { "mem f2002908 4 1000", NULL },
        { "mem f2002800 8 12345000", NULL },
        { "mem f2002808 4 1000", NULL },
        { "mem f2000100 4 2", "0" },
        { "mem f2002900 8 12345000", NULL },
        { "mem f2000100 4 2", NULL },
        { NULL, NULL } } },
    /* 0 is CTRL, and 3800, 3804 and 3808 or 2800, 2804 and 2808 are a ring */
    { "opened by Linux, closed, and opened again", "e1000e", (const testDMA[]) {
        { "mem f2000100 4 0", NULL },
        { "mem f2000400 4 8", NULL },
        { "mem f2000000 4 c100240", NULL },
        { "mem f2003800 4 12345000", NULL },
        { "mem f2003804 4 0", NULL },
        { "mem f2003808 4 1000", NULL },
        { "mem f2000100 4 4008002", NULL },
        { "mem f2000100 4 4008000", NULL },
        { "mem f2002800 4 12346000", NULL },
        { "mem f2002804 4 0", NULL },
        { "mem f2002808 4 1000", NULL },
        { "mem f2000100 4 4008002", NULL },
        { "mem f2000400 4 3103f0fa", NULL },
        { "mem f2000100 4 4008000", NULL },
        { "mem f2000400 4 3103f0f8", NULL },
        { "mem f2000100 4 0", NULL },
        { "mem f2000000 4 c100240", NULL },
        { "mem f2003800 4 12347000", NULL },
        { "mem f2003804 4 0", NULL },
        { "mem f2003808 4 1000", NULL },
        { "mem f2000100 4 4008002", NULL },
        { "mem f2000100 4 4008000", NULL },
        { "mem f2002800 4 12348000", NULL },
        { "mem f2002804 4 0", NULL },
        { "mem f2002808 4 1000", NULL },
        { "mem f2000100 4 4008002", NULL },
        { "mem f2000400 4 3103f0fa", NULL },
        { NULL, NULL } } },
    { "a ring that the process before was given", "e1000e", (const testDMA[]) {
        { "mem f2002804 4 0", NULL },
        { "mem f2002808 4 1000", NULL },
        { "mem f2000100 4 4008002", "4008000" },
        { "mem f2003804 4 0", NULL },
        { "mem f2003808 4 1000", NULL },
        { "mem f2000400 4 fa", "f8" },
        { NULL, NULL } } },
    { "ones that were read", "e1000e", (const testDMA[]) {
        { "mem f2000100 4 ffffffff", NULL },
        { "mem f2002818 4 10", NULL },
        { "mem f2002808 4 1000", "0" },
        { "mem f2000400 4 ffffffff", NULL },
        { "mem f2003808 4 1000", "0" },
        { NULL, NULL } } },
    { "older names", "e1000e", (const testDMA[]) {
        { "mem f2000100 4 2", NULL },
        { "mem f2000118 4 1000", "0" },
        { "mem f2000110 8 12345000", NULL },
        { "mem f2000118 4 1000", NULL },
        { "mem f2000400 4 2", NULL },
        { "mem f2000428 4 1000", "0" },
        { "mem f2000420 8 12345000", NULL },
        { "mem f2000428 4 1000", NULL },
        { "mem f2000426 4 1000", "nothing" },
        { NULL, NULL } } },
    { "a reset", "e1000e", (const testDMA[]) {
        { "mem f2003800 8 12345000", NULL },
        { "mem f2003808 4 1000", NULL },
        { "mem f2000400 4 2", NULL },
        { "mem f2000000 4 80000000", NULL },
        { "mem f2003808 4 1000", NULL },
        { "mem f2000000 4 4000000", NULL },
        { "mem f2000400 4 2", NULL },
        { "mem f2003808 4 1000", "0" },
        { "mem f2003800 8 12345000", NULL },
        { "mem f2003808 4 1000", NULL },
        { "mem f2000004 4 4000001", NULL },
        { "mem f2000400 4 2", NULL },
        { "mem f2003808 4 1000", "0" },
        { NULL, NULL } } },
    { "a reset that leaves all as it was", "e1000e", (const testDMA[]) {
        { "mem f2002800 8 12345000", NULL },
        { "mem f2002808 4 1000", NULL },
        { "mem f2000100 4 2", NULL },
        { "mem f2000000 4 4000000", NULL },
        { "mem f2002908 4 1000", "0" },
        { "mem f2000100 4 0", NULL },
        { "mem f2002908 4 1000", NULL },
        { NULL, NULL } } },
    { "through ports", "e1000e", (const testDMA[]) {
        { "pio c000 4 3808", NULL },
        { "pio c004 4 1000", NULL },
        { "pio c000 4 2808", NULL },
        { "pio c004 4 1000", NULL },
        { "pio c000 4 400", NULL },
        { "pio c004 4 2", "0" },
        { "pio c004 2 2", "nothing" },
        { "pio c000 1 0", "nothing" },
        { "pio c002 4 2", "nothing" },
        { "outs c004 4 1000 2", "nothing" },
        { "outs c000 4 1000 2", "nothing" },
        { "outs c008 4 1000 2", NULL },
        { "pio c000 4 3800", NULL },
        { "pio c004 4 12345000", NULL },
        { "pio c000 4 3804", NULL },
        { "pio c004 4 0", NULL },
        { "pio c000 4 3808", NULL },
        { "pio c004 4 1000", NULL },
        { "pio c000 4 402", NULL },
        { "pio c004 4 2", NULL },
        { "pio c000 4 100", NULL },
        { "pio c008 4 400", NULL },
        { "pio c004 4 2", "0" },
        { "pio c000 4 20100", NULL },
        { "pio c004 4 2", NULL },
        { "mem c004 2 2", NULL },
        { NULL, NULL } } },
    /* e4 is IVAR: of each cause, 8 and a vector */
    { "messages", "e1000e", (const testDMA[]) {
        { "mem f20000e4 4 800a0908", "80000000" },
        { "mem f220000c 4 0", NULL },
        { "mem f2200000 4 fee00000", NULL },
        { "mem f2200004 4 0", NULL },
        { "mem f20000e4 4 800a0908", "80000000" },
        { "mem f2200008 4 4041", NULL },
        { "mem f20000e4 4 800a0908", "80000008" },
        { "mem f2200010 8 fee00000", NULL },
        { "mem f2200018 4 4051", NULL },
        { "mem f20000e4 4 800a0908", "80000908" },
        { "mem f2200020 8 fee00000", NULL },
        { "mem f2200028 8 4061", NULL },
        { "mem f20000e4 4 800a0908", NULL },
        { "mem f20000e4 4 8abb8", "8a008" },
        { "mem f20000e4 4 c0008", "8" },
        { "mem f20000e4 4 43210", NULL },
        { "mem f20000e4 4 fed8f", "fed8f" },
        { "mem f2200030 8 fee00000", NULL },
        { "mem f2200038 8 4071", NULL },
        { "mem f2200040 8 fee00000", NULL },
        { "mem f20000e4 4 bcbcb", "b0b0b" },
        { "mem f2200048 8 4081", NULL },
        { "mem f20000e4 4 bcbcb", NULL },
        { "mem f2000000 4 4000000", NULL },
        { "mem f20000e4 4 bcbcb", NULL },
        { "up f21ffff0 4 0 4", NULL },
        { "up f21ffff0 4 0 5", "nothing" },
        { "up f2010000 4 0 7c000", NULL },
        { "up f2010000 4 0 7c001", "nothing" },
        { "mem f20000e4 1 8", "nothing" },
        { NULL, NULL } } },
    { "the other kind of messages", "e1000e", (const testDMA[]) {
        { "pci 30000000d2 2 81", "80" },
        { "pci 30000000d0 4 81a005", "80a005" },
        { "pci 30000000d0 2 a005", NULL },
        { "pci 30000000d2 1 81", "80" },
        { "pci 30000000d3 1 1", NULL },
        { "pci 30000000d1 4 1", "nothing" },
        { "pci 30000000d4 4 fee00000", NULL },
        { "pci 30000000d8 4 0", NULL },
        { "pci 38000000d2 2 81", NULL },
        { "pci 130000000d2 2 81", NULL },
        { "pci 30000000d2 2 81", "80" },
        { "pci 30000000dc 4 4041", NULL },
        { "pci 30000000d2 2 81", NULL },
        { "pci 30000000d2 1 81", NULL },
        { "pci 3000000004 2 7", NULL },
        { NULL, NULL } } },

    { "the newer card, by Linux", "rtl8139", (const testDMA[]) {
        { "mem f23000e0 2 2b", NULL },
        { "mem f2300037 1 c", "0" },
        { "mem f23000e4 4 12345000", NULL },
        { "mem f23000e8 4 0", NULL },
        { "mem f2300037 1 c", "8" },
        { "mem f2300020 4 12346000", NULL },
        { "mem f2300024 4 0", NULL },
        { "mem f2300037 1 c", NULL },
        { "mem f23000e0 2 2b", NULL },
        { "mem f2300037 1 0", NULL },
        { "mem f23000e0 2 0", NULL },
        { NULL, NULL } } },
    { "the newer card that takes another for the older one", "rtl8139", (const testDMA[]) {
        { "mem f23000e4 4 12345000", NULL },
        { "mem f23000e8 4 0", NULL },
        { "mem f2300020 4 12346000", NULL },
        { "mem f2300024 4 0", NULL },
        { "mem f2300037 1 c", "4" },
        { "mem f23000e0 2 2b", NULL },
        { "mem f2300037 1 c", NULL },
        { "mem f23000e0 2 28", "2a" },
        { NULL, NULL } } },
    { "the older card", "rtl8139", (const testDMA[]) {
        { "pio c110 4 2000", "nothing" },
        { "pio c137 1 c", "4" },
        { "pio c130 4 12345000", NULL },
        { "pio c137 1 c", NULL },
        { "pio c1e0 2 3", "0" },
        { "pio c120 4 12346000", NULL },
        { "pio c114 4 5ea", "nothing" },
        { "pio c110 4 5ea", NULL },
        { "pio c124 4 12347000", NULL },
        { "pio c114 4 5ea", NULL },
        { "pio c12c 4 12347000", NULL },
        { "pio c118 4 5ea", "nothing" },
        { "pio c11c 4 5ea", NULL },
        { "pio c128 4 12347000", NULL },
        { "pio c118 4 5ea", NULL },
        { "pio c110 1 0", "nothing" },
        { NULL, NULL } } },
    { "resets", "rtl8139", (const testDMA[]) {
        { "pio c130 4 12345000", NULL },
        { "pio c137 1 18", "10" },
        { "pio c137 1 8", "0" },
        { "pio c130 4 12345000", NULL },
        { "pio c137 1 8", NULL },
        { "pio c150 1 c0", NULL },
        { "pio c137 1 8", NULL },
        { "pio c14f 2 4000", NULL },
        { "pio c137 1 8", "0" },
        { "pio c1e0 2 2", NULL },
        { "pio c137 1 10", NULL },
        { "pio c130 4 12345000", NULL },
        { "pio c137 1 8", NULL },
        { NULL, NULL } } },
    { "a byte among others", "rtl8139", (const testDMA[]) {
        { "pio c136 2 c00", "400" },
        { "pio c134 4 c001234", "4001234" },
        { "pio c1e0 4 3", "nothing" },
        { "pio c1e0 1 3", "nothing" },
        { "outs c137 1 1000 2", "nothing" },
        { NULL, NULL } } },
};


/* A process that takes nobody's place has nothing to be kept from; another is marked anew,
 * whatever the one before had. */
static int
testGuardNone(const void *opaque G_GNUC_UNUSED)
{
    libxlDeviceModelNIC nic = { .driver = "ne2k_pci", .slot = 6 };
    libxlDeviceModelConfig config = { .nnics = 1, .nics = &nic };
    g_autofree libxlDeviceModelRegisters *registers = g_new0(libxlDeviceModelRegisters, 1);
    static const testDMA open = { "mem f2000400 4 2", NULL };
    static const testDMA guarded = { "mem f2000400 4 2", "0" };
    static const testDMA set[] = {
        { "mem f2003800 8 12345000", NULL }, { "mem f2003808 4 1000", NULL },
    };
    size_t i;

    if (testWrite(registers, "pci 6.0 10 4 f2000000\n") < 0 ||
        testGuardStep(registers, &open) < 0)
        return -1;

    libxlDeviceModelReplayGuard(&config, registers);
    if (testGuardStep(registers, &open) < 0)
        return -1;

    nic.driver = "e1000";
    libxlDeviceModelReplayGuard(&config, registers);
    for (i = 0; i < G_N_ELEMENTS(set); i++) {
        if (testGuardStep(registers, &set[i]) < 0)
            return -1;
    }
    if (testGuardStep(registers, &open) < 0)
        return -1;

    libxlDeviceModelReplayGuard(&config, registers);
    if (testGuardStep(registers, &guarded) < 0)
        return -1;

    /* a process that was taken over cannot make its own library go astray */
    registers->dma[0].kind = LIBXL_DEVICE_MODEL_DMA_LAST;
    if (testGuardStep(registers, &open) < 0)
        return -1;

    memset(registers->dma, 0xff, sizeof(registers->dma));
    registers->dma[0].kind = LIBXL_DEVICE_MODEL_DMA_E1000E;
    return testGuardStep(registers, &open);
}


typedef struct {
    const char *driver;
    bool sound;
    const char *refusal;
    libxlDeviceModelDisk disk;
} testRefusal;

#define REFUSES_TABLES \
    "what the guest has written to a 'qcow2' image and not flushed yet is lost, " \
    "unless its cache is 'writethrough' or 'directsync'"

static const testRefusal refusals[] = {
    { "rtl8139", false, NULL, { 0 } },
    { "e1000", false, NULL, { 0 } },
    { "e1000e", false, NULL, { 0 } },
    { "ne2k_pci", false, NULL, { 0 } },
    { NULL, false, NULL, { 0 } },
    { "pcnet", false, "the driver of a 'pcnet' interface does not tell it again where its rings are", { 0 } },
    { "virtio-net-pci", false, "the driver of a 'virtio' interface does not tell it again where its rings are", { 0 } },
    { "tulip", false, "nothing is known of one of its interfaces", { 0 } },
    { NULL, true, "the driver of a sound device does not tell it again where its buffers are", { 0 } },
    { NULL, false, REFUSES_TABLES, { .tables = true } },
    { NULL, false, REFUSES_TABLES, { .tables = true, .direct = true } },
    { NULL, false, NULL, { .tables = true, .writethrough = true } },
    { NULL, false, NULL, { .tables = true, .readonly = true } },
};


static int
testRefusalRun(const void *opaque)
{
    const testRefusal *test = opaque;
    libxlDeviceModelNIC nics[] = {
        { .driver = "e1000", .slot = 6 },
        { .driver = test->driver, .slot = 7 },
    };
    libxlDeviceModelSound sound = { 0 };
    libxlDeviceModelDisk disks[] = { { 0 }, test->disk };
    libxlDeviceModelConfig config = {
        .capabilities = IDE | SERIAL | (test->sound ? AUDIO : 0), .nserials = 1, .serials = serials,
        .nnics = test->driver ? 2 : 1, .nics = nics, .sound = test->sound ? &sound : NULL,
        .ndisks = G_N_ELEMENTS(disks), .disks = disks,
    };
    const char *refusal = libxlDeviceModelReplayRefusal(&config);

    return STREQ_NULLABLE(refusal, test->refusal) ? 0 : -1;
}


/* What somebody in the guest has to do, if anything. */
static int
testHint(const void *opaque G_GNUC_UNUSED)
{
    libxlDeviceModelNIC nics[] = { { .driver = "rtl8139", .slot = 6 }, { .driver = "e1000", .slot = 7 } };
    libxlDeviceModelConfig config = { .nnics = 2, .nics = nics };

    if (libxlDeviceModelReplayHint(&config, 5 * G_USEC_PER_SEC - 1) ||
        !libxlDeviceModelReplayHint(&config, 5 * G_USEC_PER_SEC))
        return -1;

    config.nnics = 1;
    if (libxlDeviceModelReplayHint(&config, G_USEC_PER_SEC * 60))
        return -1;

    nics[0].driver = "e1000e";
    return libxlDeviceModelReplayHint(&config, 0) ? 0 : -1;
}


/* Every model of interfaces that a secondary can have is one of which something is known. */
static int
testModels(const void *opaque G_GNUC_UNUSED)
{
    g_autofree char *models = libxlDeviceModelNICModels();
    g_auto(GStrv) names = g_strsplit(models, ", ", 0);
    size_t i;

    for (i = 0; names[i]; i++) {
        libxlDeviceModelNIC nic = { 0 };
        libxlDeviceModelConfig config = { .nnics = 1, .nics = &nic };
        g_autofree char *model = g_strndup(names[i] + 1, strlen(names[i]) - 2);

        nic.driver = libxlDeviceModelNICDriver(model);
        if (STREQ_NULLABLE(libxlDeviceModelReplayRefusal(&config),
                           "nothing is known of one of its interfaces")) {
            VIR_TEST_VERBOSE("'%s'", model);
            return -1;
        }
    }

    return i > 1 ? 0 : -1;
}


/* A file is made in its full length, for nobody else, and has what was before. */
static int
testFile(const void *opaque G_GNUC_UNUSED)
{
    g_autofree char *path = g_strdup_printf("%s/7-1.regs", testDir);
    g_autofree libxlDeviceModelRegisters *before = g_new0(libxlDeviceModelRegisters, 1);
    g_autofree libxlDeviceModelRegisters *after = g_new0(libxlDeviceModelRegisters, 1);
    VIR_AUTOCLOSE first = -1;
    VIR_AUTOCLOSE second = -1;
    struct stat sb;

    if ((first = libxlDeviceModelRegistersCreate(path, NULL)) < 0 ||
        fstat(first, &sb) < 0 || (sb.st_mode & ALLPERMS) != 0600 ||
        sb.st_size != sizeof(*before) || sb.st_blocks * 512 < sb.st_size ||
        !(fcntl(first, F_GETFD) & FD_CLOEXEC))
        return -1;

    if (libxlDeviceModelRegistersRead(path, after) < 0 ||
        testWrite(before, "pci 6.0 10 4 f2000000\n") < 0 ||
        (second = libxlDeviceModelRegistersCreate(path, before)) < 0 ||
        safewrite(first, "overwritten", 11) < 0 ||
        libxlDeviceModelRegistersRead(path, after) < 0)
        return -1;

    before->version = LIBXL_DEVICE_MODEL_REGISTERS_VERSION;
    return memcmp(before, after, sizeof(*before)) == 0 ? 0 : -1;
}


/* What was noted, and not served, is not noted again by another; a fresh process has noted
 * nothing. */
static int
testNoted(const void *opaque G_GNUC_UNUSED)
{
    g_autofree char *path = g_strdup_printf("%s/7-3.regs", testDir);
    g_autofree libxlDeviceModelRegisters *before = g_new0(libxlDeviceModelRegisters, 1);
    g_autofree libxlDeviceModelRegisters *after = g_new0(libxlDeviceModelRegisters, 1);
    libxlDeviceModelWrite late = { .address = 0x1f3, .size = 1, .data = 0x12 };
    libxlDeviceModelWrite other = { .address = 0x1f3, .size = 1, .data = 0x13 };
    libxlDeviceModelWrite function = { .config = true, .address = 4, .size = 2, .data = 7 };
    VIR_AUTOCLOSE first = -1;
    VIR_AUTOCLOSE second = -1;

    libxlDeviceModelRegistersNote(before, &other);
    libxlDeviceModelRegistersNote(before, &late);
    libxlDeviceModelRegistersBegin(before, 5, &late);
    libxlDeviceModelRegistersBegin(before, 6, &function);
    libxlDeviceModelRegistersBegin(before, LIBXL_DEVICE_MODEL_REGISTERS_VCPUS, &late);
    if (!libxlDeviceModelRegistersHaveNoted(before, 5, &late) ||
        libxlDeviceModelRegistersHaveNoted(before, 4, &late) ||
        libxlDeviceModelRegistersHaveNoted(before, 5, &other) ||
        libxlDeviceModelRegistersHaveNoted(before, 6, &function) ||
        libxlDeviceModelRegistersHaveNoted(before, LIBXL_DEVICE_MODEL_REGISTERS_VCPUS, &late))
        return -1;

    /* as the process leaves it */
    if ((first = libxlDeviceModelRegistersCreate(path, NULL)) < 0)
        return -1;
    before->version = LIBXL_DEVICE_MODEL_REGISTERS_VERSION;
    if (pwrite(first, before, sizeof(*before), 0) != sizeof(*before) ||
        libxlDeviceModelRegistersAmend(path, 5, &late) < 0 ||
        libxlDeviceModelRegistersRead(path, after) < 0 ||
        memcmp(before, after, sizeof(*before)) != 0)
        return -1;

    if ((second = libxlDeviceModelRegistersCreate(path, before)) < 0 ||
        libxlDeviceModelRegistersRead(path, after) < 0 ||
        libxlDeviceModelRegistersHaveNoted(after, 5, &late))
        return -1;

    libxlDeviceModelRegistersEnd(before, 5);
    return memcmp(before, after, sizeof(*before)) == 0 ? 0 : -1;
}


/* What is noted later is there for who has the file open, and all else stays. */
static int
testAmend(const void *opaque G_GNUC_UNUSED)
{
    g_autofree char *path = g_strdup_printf("%s/7-2.regs", testDir);
    g_autofree libxlDeviceModelRegisters *before = g_new0(libxlDeviceModelRegisters, 1);
    g_autofree libxlDeviceModelRegisters *after = g_new0(libxlDeviceModelRegisters, 1);
    libxlDeviceModelWrite late = { .address = 0x1f3, .size = 1, .data = 0x12 };
    libxlDeviceModelWrite none = { .address = 0x60, .size = 1, .data = 0x12 };
    VIR_AUTOCLOSE fd = -1;

    if (testWrite(before, "pci 6.0 10 4 f2000000\n") < 0 ||
        (fd = libxlDeviceModelRegistersCreate(path, before)) < 0 ||
        libxlDeviceModelRegistersAmend(path, 0, &late) < 0 ||
        libxlDeviceModelRegistersAmend(path, 0, &none) < 0 ||
        libxlDeviceModelRegistersAmend("/dev/null", 0, &late) == 0 ||
        pread(fd, after, sizeof(*after), 0) != sizeof(*after))
        return -1;

    libxlDeviceModelRegistersNote(before, &late);
    before->version = LIBXL_DEVICE_MODEL_REGISTERS_VERSION;
    return memcmp(before, after, sizeof(*before)) == 0 ? 0 : -1;
}


/* That of a process which an earlier daemon has started has the same, but for what is guarded. */
static int
testEarlierFile(const void *opaque G_GNUC_UNUSED)
{
    g_autofree char *path = g_strdup_printf("%s/7-4.regs", testDir);
    g_autofree libxlDeviceModelRegisters *before = g_new0(libxlDeviceModelRegisters, 1);
    g_autofree libxlDeviceModelRegisters *after = g_new0(libxlDeviceModelRegisters, 1);
    libxlDeviceModelWrite late = { .address = 0x1f3, .size = 1, .data = 0x12 };
    const size_t length = offsetof(libxlDeviceModelRegisters, dma);
    struct stat sb;

    if (testWrite(before, "pci 6.0 10 4 f2000000\n") < 0)
        return -1;

    before->noted[LIBXL_DEVICE_MODEL_REGISTERS_VCPUS - 1] = 1;
    before->version = 3;
    memset(after, 0xff, sizeof(*after));
    if (!g_file_set_contents(path, (char *)before, length, NULL) ||
        libxlDeviceModelRegistersAmend(path, 0, &late) < 0 ||
        stat(path, &sb) < 0 || sb.st_size != length ||
        libxlDeviceModelRegistersRead(path, after) < 0)
        return -1;

    libxlDeviceModelRegistersNote(before, &late);
    before->version = LIBXL_DEVICE_MODEL_REGISTERS_VERSION;
    return memcmp(before, after, sizeof(*before)) == 0 ? 0 : -1;
}


typedef struct {
    const char *name;
    ssize_t length; /* beside what it should be */
    uint64_t version;
    const char *error;
} testBadFile;

static const testBadFile badFiles[] = {
    { "short", -1, LIBXL_DEVICE_MODEL_REGISTERS_VERSION,
      "internal error: file 'DIR/short' does not have the registers of a device model" },
    { "long", 1, LIBXL_DEVICE_MODEL_REGISTERS_VERSION,
      "internal error: file 'DIR/long' does not have the registers of a device model" },
    { "earlier", 0, 3,
      "internal error: file 'DIR/earlier' does not have the registers of a device model" },
    { "cut", -(ssize_t)sizeof(((libxlDeviceModelRegisters *)NULL)->dma), LIBXL_DEVICE_MODEL_REGISTERS_VERSION,
      "internal error: file 'DIR/cut' does not have the registers of a device model" },
    { "early", -(ssize_t)sizeof(((libxlDeviceModelRegisters *)NULL)->dma), 2,
      "internal error: file 'DIR/early' does not have the registers of a device model" },
    { "version", 0, LIBXL_DEVICE_MODEL_REGISTERS_VERSION + 1,
      "internal error: file 'DIR/version' does not have the registers of a device model" },
};


static int
testBadFileRun(const void *opaque)
{
    const testBadFile *test = opaque;
    g_autofree char *path = libxlDeviceModelTestPath(testDir, test->name);
    g_autofree libxlDeviceModelRegisters *registers = g_new0(libxlDeviceModelRegisters, 2);

    registers->version = test->version;
    if (!g_file_set_contents(path, (char *)registers, sizeof(*registers) + test->length, NULL))
        return -1;

    virResetLastError();
    if (libxlDeviceModelRegistersRead(path, registers) == 0)
        return -1;

    return libxlDeviceModelTestCompareError(testDir, test->error);
}


/* Neither a link is followed nor a fifo waited for. */
static int
testOddFiles(const void *opaque G_GNUC_UNUSED)
{
    g_autofree char *link = g_strdup_printf("%s/link", testDir);
    g_autofree char *fifo = g_strdup_printf("%s/fifo", testDir);
    g_autofree char *missing = g_strdup_printf("%s/missing", testDir);
    g_autofree libxlDeviceModelRegisters *registers = g_new0(libxlDeviceModelRegisters, 1);

    if (symlink("7-1.regs", link) < 0 || mkfifo(fifo, 0600) < 0)
        return -1;

    return libxlDeviceModelRegistersRead(link, registers) < 0 &&
           libxlDeviceModelRegistersRead(fifo, registers) < 0 &&
           libxlDeviceModelRegistersRead(missing, registers) < 0 &&
           libxlDeviceModelRegistersCreate("/dev/null/7-1.regs", NULL) < 0 ? 0 : -1;
}


static int
mymain(void)
{
    g_autofree char *dir = NULL;
    int ret = 0;
    size_t i;

    if (!(dir = g_dir_make_tmp("regs-XXXXXX", NULL)))
        return EXIT_FAILURE;
    testDir = dir;
    umask(0);

    for (i = 0; i < G_N_ELEMENTS(plans); i++) {
        if (virTestRun(plans[i].name, testPlanRun, &plans[i]) < 0)
            ret = -1;
    }

    for (i = 0; i < G_N_ELEMENTS(lateWrites); i++) {
        g_autofree char *name = g_strdup_printf("late '%s'", lateWrites[i].write);

        if (virTestRun(name, testLateRun, &lateWrites[i]) < 0)
            ret = -1;
    }

    for (i = 0; i < G_N_ELEMENTS(requests); i++) {
        g_autofree char *name = g_strdup_printf("request: %s", requests[i].name);

        if (virTestRun(name, testRequestRun, &requests[i]) < 0)
            ret = -1;
    }

    for (i = 0; i < G_N_ELEMENTS(guards); i++) {
        g_autofree char *name = g_strdup_printf("guard: %s: %s", guards[i].driver, guards[i].name);

        if (virTestRun(name, testGuardRun, &guards[i]) < 0)
            ret = -1;
    }

    for (i = 0; i < G_N_ELEMENTS(refusals); i++) {
        g_autofree char *name = g_strdup_printf("refusal: %s %d", NULLSTR(refusals[i].driver),
                                                refusals[i].sound);

        if (virTestRun(name, testRefusalRun, &refusals[i]) < 0)
            ret = -1;
    }

    if (virTestRun("hostile", testHostile, NULL) < 0 ||
        virTestRun("late, of nobody", testLateNone, NULL) < 0 ||
        virTestRun("a BAR of an intruder's", testForgedBAR, NULL) < 0 ||
        virTestRun("interrupts of serial ports", testInterrupts, NULL) < 0 ||
        virTestRun("numbers of serial ports", testNumbers, NULL) < 0 ||
        virTestRun("interrupts of drives", testDriveInterrupts, NULL) < 0 ||
        virTestRun("interrupts that the guest changes", testAgain, NULL) < 0 ||
        virTestRun("interrupts behind a latch", testLatched, NULL) < 0 ||
        virTestRun("drives of a guest that was not held", testRefuse, NULL) < 0 ||
        virTestRun("serial ports of a guest that was not held", testAssume, NULL) < 0 ||
        virTestRun("commands", testCommanded, NULL) < 0 ||
        virTestRun("guard: none", testGuardNone, NULL) < 0 ||
        virTestRun("models", testModels, NULL) < 0 ||
        virTestRun("hint", testHint, NULL) < 0 ||
        virTestRun("file", testFile, NULL) < 0)
        ret = -1;

    for (i = 0; i < G_N_ELEMENTS(badFiles); i++) {
        g_autofree char *name = g_strdup_printf("file: %s", badFiles[i].name);

        if (virTestRun(name, testBadFileRun, &badFiles[i]) < 0)
            ret = -1;
    }

    if (virTestRun("file of an earlier version", testEarlierFile, NULL) < 0 ||
        virTestRun("odd files", testOddFiles, NULL) < 0 ||
        virTestRun("what is noted later", testAmend, NULL) < 0 ||
        virTestRun("what was noted before", testNoted, NULL) < 0)
        ret = -1;

    if (virFileDeleteTree(testDir) < 0)
        ret = -1;

    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN(mymain)
