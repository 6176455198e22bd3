/*
 * libxldevicemodelsavedtest.c: the state of secondaries behind that of their domain
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A trailer is written and read again, in a file and over a pipe; each way to alter it is
 * refused, with the reason.
 */

#include <config.h>

#include <fcntl.h>
#include <unistd.h>

#include "testutils.h"
#include "testutilsxen.h"
#include "libxl/libxl_devicemodel_saved.h"
#include "libxldevicemodeltestdomain.h"
#include "libxldevicemodeltestutils.h"
#include "virfile.h"
#include "virutil.h"

#define VIR_FROM_THIS VIR_FROM_NONE

#define TEST_REFUSED "operation failed: the state of the device models in the image cannot be used: "
#define TEST_INCOMPLETE TEST_REFUSED "it is incomplete"
#define TEST_ELSEWHERE TEST_REFUSED "something else is where it is expected to begin"

/* Where things are in the trailer of testNew(). */
#define TEST_HEAD 56
#define TEST_RECORD (32 + 32) /* lengths and checksum */
#define TEST_FIRST_LEN (TEST_RECORD + 3 + 17 + 0 + 4)
#define TEST_SECOND (TEST_HEAD + TEST_FIRST_LEN)
#define TEST_LEN (TEST_SECOND + TEST_RECORD + 4 + 17 + 5 + 3 + 24)

/* What stands before a trailer. */
#define TEST_BEFORE "the state of a domain"

static libxlDriverPrivate *driver;
static virDomainDef *testDef; /* with secondaries 'lan' and 'disk' */


static uint8_t *
testCopy(const char *text)
{
    return (uint8_t *)g_strdup(text);
}


static libxlDeviceModelsSaved *
testNew(void)
{
    libxlDeviceModelsSaved *saved = libxlDeviceModelsSavedNew(testDef->uuid, 2);

    saved->dms[0] = (libxlDeviceModelSaved) {
        .name = g_strdup("lan"), .machine = g_strdup("xenfv-3.1-machine"),
        .version = { 7, 2, 22 },
        .state = testCopy("QEVM"), .nstate = 4,
    };
    saved->dms[1] = (libxlDeviceModelSaved) {
        .name = g_strdup("disk"), .machine = g_strdup("xenfv-4.2-machine"),
        .version = { 10, 0, 3 },
        .registers = testCopy("regs\n"), .nregisters = 5,
        .state = testCopy("abc"), .nstate = 3,
    };

    return saved;
}


static int
testCompare(const libxlDeviceModelsSaved *a,
            const libxlDeviceModelsSaved *b)
{
    size_t i;

    if (!b || memcmp(a->uuid, b->uuid, VIR_UUID_BUFLEN) != 0 ||
        a->offset != b->offset || a->ndms != b->ndms)
        return -1;

    for (i = 0; i < a->ndms; i++) {
        const libxlDeviceModelSaved *x = &a->dms[i];
        const libxlDeviceModelSaved *y = &b->dms[i];

        if (STRNEQ(x->name, y->name) || STRNEQ(x->machine, y->machine) ||
            memcmp(x->version, y->version, sizeof(x->version)) != 0 ||
            x->nregisters != y->nregisters || x->nstate != y->nstate ||
            (x->nregisters > 0 && memcmp(x->registers, y->registers, x->nregisters) != 0) ||
            memcmp(x->state, y->state, x->nstate) != 0) {
            VIR_TEST_VERBOSE("device model %zu is another", i);
            return -1;
        }
    }

    return 0;
}


static int
testRoundTrip(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(libxlDeviceModelsSaved) saved = testNew();
    g_autoptr(GByteArray) trailer = libxlDeviceModelsSavedFormat(saved);
    g_autoptr(libxlDeviceModelsSaved) again = libxlDeviceModelsSavedParse(trailer->data,
                                                                          trailer->len);

    if (trailer->len != TEST_LEN) {
        VIR_TEST_VERBOSE("the trailer has %u bytes, expected %d", trailer->len, TEST_LEN);
        return -1;
    }

    return testCompare(saved, again);
}


/* An older libvirt's must be read by each later one. */
static int
testGolden(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(libxlDeviceModelsSaved) saved = testNew();
    g_autoptr(GByteArray) trailer = NULL;
    g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);

    memset(saved->uuid, 0x11, VIR_UUID_BUFLEN);
    saved->offset = 0x123456789aULL;
    trailer = libxlDeviceModelsSavedFormat(saved);
    g_checksum_update(checksum, trailer->data, trailer->len);

    return virTestCompareToString("024308b2283a8a4e2a4cfe6036ce49c1bcdbef9fb00887340380d78db4bd5562",
                                  g_checksum_get_string(checksum));
}


/* Where a byte is changed, and what is said. */
struct testAlterData {
    size_t at;
    uint8_t byte;
    const char *error;
};

static int
testAlter(const void *opaque)
{
    const struct testAlterData *data = opaque;
    g_autoptr(libxlDeviceModelsSaved) saved = testNew();
    g_autoptr(GByteArray) trailer = libxlDeviceModelsSavedFormat(saved);
    g_autoptr(libxlDeviceModelsSaved) again = NULL;

    trailer->data[data->at] = data->byte;
    again = libxlDeviceModelsSavedParse(trailer->data, trailer->len);
    return libxlDeviceModelTestOutcome(again ? 0 : -1, NULL, data->error);
}


static int
testAlters(void)
{
    int ret = 0;

#define DO_TEST(name, offset, value, text) \
    do { \
        static const struct testAlterData data = { .at = offset, .byte = value, .error = text }; \
        if (virTestRun("Alter " name, testAlter, &data) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST("beginning", 0, 'L', TEST_ELSEWHERE);
    DO_TEST("version", 16, 2, TEST_REFUSED "it is of version 2, expected 1");
    DO_TEST("count of none", 20, 0,
            TEST_REFUSED "it is of 0 device models, expected 1 to 7");
    DO_TEST("count of eight", 20, 8,
            TEST_REFUSED "it is of 8 device models, expected 1 to 7");
    DO_TEST("count of one more", 20, 3, TEST_INCOMPLETE);
    DO_TEST("count of one less", 20, 1, TEST_INCOMPLETE);
    DO_TEST("length", 24, (TEST_LEN - 1) & 0xff,
            TEST_REFUSED "it says that it has 260 bytes, expected 261");
    DO_TEST("length of much", 24 + 5, 1,
            TEST_REFUSED "it has 1099511628037 bytes, expected at most 117900464");
    DO_TEST("length of a name", TEST_HEAD, 33,
            TEST_REFUSED "device model 1 has a name of 33 bytes, expected at most 32");
    DO_TEST("length of no name", TEST_SECOND, 0,
            TEST_REFUSED "device model 2 has a name that none can have");
    DO_TEST("length of a machine", TEST_HEAD + 4, 65,
            TEST_REFUSED "device model 1 has the name of a machine of 65 bytes, expected at most 64");
    DO_TEST("length of no machine", TEST_HEAD + 4, 0,
            TEST_REFUSED "device model 'lan' has a machine that none can have");
    DO_TEST("major version", TEST_HEAD + 8, 1,
            TEST_REFUSED "the checksum of device model 'lan' is wrong");
    DO_TEST("length of registers", TEST_HEAD + 22, 2,
            TEST_REFUSED "device model 1 has registers of 131072 bytes, expected at most 65536");
    DO_TEST("length of no state", TEST_HEAD + 24, 0,
            TEST_REFUSED "device model 1 has a state of 0 bytes, expected 1 to 16777216");
    DO_TEST("length of a large state", TEST_HEAD + 27, 1,
            TEST_REFUSED "device model 1 has a state of 16777220 bytes, expected 1 to 16777216");
    DO_TEST("length of a state beyond 32 bits", TEST_HEAD + 28, 1,
            TEST_REFUSED "device model 1 has a state of 4294967300 bytes, expected 1 to 16777216");
    DO_TEST("length of a state beyond the end", TEST_SECOND + 24, 100, TEST_INCOMPLETE);
    DO_TEST("checksum", TEST_SECOND + 32, 0,
            TEST_REFUSED "the checksum of device model 'disk' is wrong");
    DO_TEST("name with a slash", TEST_HEAD + TEST_RECORD, '/',
            TEST_REFUSED "device model 1 has a name that none can have");
    DO_TEST("name that ends early", TEST_HEAD + TEST_RECORD + 1, '\0',
            TEST_REFUSED "device model 1 has a name that none can have");
    DO_TEST("machine with a blank", TEST_HEAD + TEST_RECORD + 3, ' ',
            TEST_REFUSED "device model 'lan' has a machine that none can have");
    DO_TEST("state", TEST_SECOND - 1, 'X',
            TEST_REFUSED "the checksum of device model 'lan' is wrong");
    DO_TEST("registers", TEST_LEN - 24 - 3 - 1, 'X',
            TEST_REFUSED "the checksum of device model 'disk' is wrong");
    DO_TEST("end", TEST_LEN - 24, 'L', TEST_INCOMPLETE);
    DO_TEST("length at the end", TEST_LEN - 8, 0,
            TEST_REFUSED "it says that it has 256 bytes, expected 261");

#undef DO_TEST

    return ret;
}


/* No part of a trailer is one. */
static int
testShort(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(libxlDeviceModelsSaved) saved = testNew();
    g_autoptr(GByteArray) trailer = libxlDeviceModelsSavedFormat(saved);
    size_t len;

    for (len = 0; len < trailer->len; len++) {
        g_autofree uint8_t *part = g_new0(uint8_t, len + 1);

        memcpy(part, trailer->data, len);
        if (libxlDeviceModelsSavedParse(part, len)) {
            VIR_TEST_VERBOSE("%zu bytes were taken for all", len);
            return -1;
        }
        virResetLastError();
    }

    return 0;
}


static int
testLonger(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(libxlDeviceModelsSaved) saved = testNew();
    g_autoptr(GByteArray) trailer = libxlDeviceModelsSavedFormat(saved);
    g_autoptr(libxlDeviceModelsSaved) again = NULL;

    g_byte_array_append(trailer, (const uint8_t *)"", 1);
    again = libxlDeviceModelsSavedParse(trailer->data, trailer->len);
    return libxlDeviceModelTestOutcome(again ? 0 : -1, NULL, TEST_REFUSED
                                       "it says that it has 261 bytes, expected 262");
}


struct testCheckData {
    const char *names[2];
    bool foreign;
    const char *error;
};

static int
testCheck(const void *opaque)
{
    const struct testCheckData *data = opaque;
    size_t ndms = data->names[1] ? 2 : 1;
    g_autoptr(libxlDeviceModelsSaved) saved = libxlDeviceModelsSavedNew(testDef->uuid, ndms);
    size_t i;

    for (i = 0; i < ndms; i++)
        saved->dms[i].name = g_strdup(data->names[i]);
    if (data->foreign)
        saved->uuid[0]++;

    return libxlDeviceModelTestOutcome(libxlDeviceModelsSavedCheck(saved, testDef), NULL,
                                       data->error);
}


static int
testChecks(void)
{
    int ret = 0;

#define DO_TEST(name, ...) \
    do { \
        static const struct testCheckData data = { __VA_ARGS__ }; \
        if (virTestRun("Check " name, testCheck, &data) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST("all", .names = { "lan", "disk" });
    DO_TEST("another domain", .names = { "lan", "disk" }, .foreign = true,
            .error = TEST_REFUSED "it is that of another domain");
    DO_TEST("one missing", .names = { "lan" },
            .error = TEST_REFUSED "that of device model 'disk' is missing");
    DO_TEST("another order", .names = { "disk", "lan" },
            .error = TEST_REFUSED "that of device model 'lan' is missing");
    DO_TEST("another name", .names = { "lan", "ide" },
            .error = TEST_REFUSED "that of device model 'disk' is missing");

#undef DO_TEST

    return ret;
}


static int
testTooMany(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(libxlDeviceModelsSaved) saved = libxlDeviceModelsSavedNew(testDef->uuid, 3);

    saved->dms[0].name = g_strdup("lan");
    saved->dms[1].name = g_strdup("disk");
    saved->dms[2].name = g_strdup("sound");

    return libxlDeviceModelTestOutcome(libxlDeviceModelsSavedCheck(saved, testDef), NULL,
                                       TEST_REFUSED "it has that of device model 'sound', "
                                       "which the domain does not have");
}


/* Returns a file at the end of what stands before the trailer. */
static int
testFileNew(void)
{
    g_autofree char *path = g_strdup("/tmp/saved-XXXXXX");
    int fd = g_mkstemp_full(path, O_RDWR | O_CLOEXEC, 0600);

    if (fd < 0 || unlink(path) < 0 ||
        safewrite(fd, TEST_BEFORE, strlen(TEST_BEFORE)) < 0)
        abort();

    return fd;
}


static off_t
testFileSize(int fd)
{
    return lseek(fd, 0, SEEK_END);
}


/* What is left of a file, a piece in the middle or at the end is missing. */
struct testFileData {
    off_t cut; /* from here */
    off_t len; /* so many bytes, 0 for none */
    const char *more; /* at the end */
    const char *error;
};

static void
testFileCut(int fd,
            const struct testFileData *data)
{
    off_t size = testFileSize(fd);
    g_autofree char *content = g_new0(char, size + 1);

    if (pread(fd, content, size, 0) != size || ftruncate(fd, 0) < 0 ||
        lseek(fd, 0, SEEK_SET) != 0 ||
        safewrite(fd, content, data->cut) < 0 ||
        safewrite(fd, content + data->cut + data->len, size - data->cut - data->len) < 0 ||
        (data->more && safewrite(fd, data->more, strlen(data->more)) < 0))
        abort();
}


static int
testFile(const void *opaque)
{
    const struct testFileData *data = opaque;
    VIR_AUTOCLOSE fd = testFileNew();
    g_autoptr(libxlDeviceModelsSaved) saved = testNew();
    g_autoptr(libxlDeviceModelsSaved) found = NULL;
    off_t size;

    if (libxlDeviceModelsSavedWrite(saved, fd) < 0)
        return -1;

    testFileCut(fd, data);
    size = testFileSize(fd);
    lseek(fd, 3, SEEK_SET);
    found = libxlDeviceModelsSavedFind(fd, size);
    if (libxlDeviceModelTestOutcome(found ? 0 : -1, NULL, data->error) < 0)
        return -1;

    if (lseek(fd, 0, SEEK_CUR) != 3) {
        VIR_TEST_VERBOSE("the file is at another place");
        return -1;
    }

    return found ? testCompare(saved, found) : 0;
}


static int
testFiles(void)
{
    int ret = 0;

#define DO_TEST(name, ...) \
    do { \
        static const struct testFileData data = { __VA_ARGS__ }; \
        if (virTestRun("File " name, testFile, &data) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST("as it is", .error = NULL);
    DO_TEST("without a piece of the domain's state", .cut = 3, .len = 2,
            .error = TEST_REFUSED "it begins at byte 19 of the file, expected 21");
    DO_TEST("without a piece of the trailer", .cut = 100, .len = 1,
            .error = TEST_ELSEWHERE);
    DO_TEST("without its end", .cut = strlen(TEST_BEFORE) + TEST_LEN - 1, .len = 1,
            .error = TEST_INCOMPLETE);
    DO_TEST("without a trailer", .cut = strlen(TEST_BEFORE), .len = TEST_LEN,
            .error = TEST_INCOMPLETE);
    DO_TEST("with more at its end", .more = "\n", .error = TEST_INCOMPLETE);
    DO_TEST("with an end alone", .cut = 0, .len = strlen(TEST_BEFORE) + TEST_LEN - 24,
            .error = TEST_REFUSED "it has 261 bytes, expected at most 24");

#undef DO_TEST

    return ret;
}


/* As libxl leaves it when it has restored the domain. */
static int
testFileRead(const void *opaque)
{
    const off_t *moved = opaque;
    VIR_AUTOCLOSE fd = testFileNew();
    g_autoptr(libxlDeviceModelsSaved) saved = testNew();
    g_autoptr(libxlDeviceModelsSaved) read = NULL;

    if (libxlDeviceModelsSavedWrite(saved, fd) < 0)
        return -1;

    lseek(fd, strlen(TEST_BEFORE) + *moved, SEEK_SET);
    if ((read = libxlDeviceModelsSavedRead(fd)))
        return *moved == 0 ? testCompare(saved, read) : -1;

    return libxlDeviceModelTestOutcome(-1, NULL, *moved == 0 ? NULL :
                                       TEST_ELSEWHERE);
}


/* What was written to a connection, and got into a file from there, has no place either. */
static int
testFileFromPipe(const void *opaque G_GNUC_UNUSED)
{
    VIR_AUTOCLOSE fd = testFileNew();
    g_autoptr(libxlDeviceModelsSaved) saved = testNew();
    g_autoptr(libxlDeviceModelsSaved) found = NULL;
    g_autoptr(libxlDeviceModelsSaved) read = NULL;
    char data[1024];
    ssize_t len;
    int fds[2];

    if (virPipe(fds) < 0 || libxlDeviceModelsSavedWrite(saved, fds[1]) < 0 ||
        (len = saferead(fds[0], data, TEST_LEN)) != TEST_LEN || safewrite(fd, data, len) != len)
        abort();

    VIR_FORCE_CLOSE(fds[0]);
    VIR_FORCE_CLOSE(fds[1]);

    found = libxlDeviceModelsSavedFind(fd, testFileSize(fd));
    if (libxlDeviceModelTestOutcome(found ? 0 : -1, NULL, NULL) < 0)
        return -1;

    lseek(fd, strlen(TEST_BEFORE), SEEK_SET);
    read = libxlDeviceModelsSavedRead(fd);
    if (libxlDeviceModelTestOutcome(read ? 0 : -1, NULL, NULL) < 0)
        return -1;

    if (found->offset != (uint64_t)testFileSize(fd) - TEST_LEN) {
        VIR_TEST_VERBOSE("found at byte %llu", (unsigned long long)found->offset);
        return -1;
    }

    found->offset = saved->offset;
    return testCompare(saved, found) < 0 ? -1 : testCompare(saved, read);
}


/* A connection has no place that could be remembered. */
static int
testPipe(const void *opaque)
{
    const bool *cut = opaque;
    g_autoptr(libxlDeviceModelsSaved) saved = testNew();
    g_autoptr(libxlDeviceModelsSaved) read = NULL;
    g_autoptr(GByteArray) trailer = NULL;
    int fds[2];
    int ret = -1;
    char next = 0;

    if (virPipe(fds) < 0)
        return -1;

    if (*cut) {
        trailer = libxlDeviceModelsSavedFormat(saved);
        if (safewrite(fds[1], trailer->data, trailer->len - 1) < 0)
            abort();
    } else if (libxlDeviceModelsSavedWrite(saved, fds[1]) < 0 ||
               safewrite(fds[1], "!", 1) < 0) {
        abort();
    }
    VIR_FORCE_CLOSE(fds[1]);

    if ((read = libxlDeviceModelsSavedRead(fds[0])))
        ret = saferead(fds[0], &next, 1) == 1 && next == '!' ? testCompare(saved, read) : -1;
    else
        ret = libxlDeviceModelTestOutcome(-1, NULL, *cut ? TEST_INCOMPLETE : NULL);

    VIR_FORCE_CLOSE(fds[0]);
    return ret;
}


/* A full disk, say. */
static int
testUnwritable(const void *opaque G_GNUC_UNUSED)
{
    g_autoptr(libxlDeviceModelsSaved) saved = testNew();
    VIR_AUTOCLOSE fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

    if (fd < 0)
        return EXIT_AM_SKIP;

    return libxlDeviceModelTestOutcome(libxlDeviceModelsSavedWrite(saved, fd), NULL,
                                       "cannot write the state of the device models: "
                                       "No space left on device");
}


static int
testMachines(const void *opaque G_GNUC_UNUSED)
{
    g_autofree char *longest = g_strnfill(64, 'm');
    g_autofree char *longer = g_strnfill(65, 'm');

    return libxlDeviceModelSavedMachineIsValid("xenfv-3.1-machine") &&
        libxlDeviceModelSavedMachineIsValid(longest) &&
        !libxlDeviceModelSavedMachineIsValid(longer) &&
        !libxlDeviceModelSavedMachineIsValid("") &&
        !libxlDeviceModelSavedMachineIsValid("a\033b") ? 0 : -1;
}


static int
mymain(void)
{
    static const off_t here = 0;
    static const off_t there = 1;
    static const bool whole = false;
    static const bool cut = true;
    int ret = 0;

    if (!(driver = testXLInitDriver()) ||
        !(testDef = libxlDeviceModelTestParse(driver->xmlopt, NULL,
                                              TEST_EMULATOR TEST_MAIN("") TEST_LAN(TEST_REF(1))
                                              "<devicemodel name='disk'>"
                                              "<capability name='ide'/></devicemodel>"
                                              "<disk type='file' device='cdrom'>"
                                              "<target dev='hdc' bus='ide'/></disk>"
                                              TEST_NIC(1))))
        return EXIT_FAILURE;

    if (virTestRun("Round trip", testRoundTrip, NULL) < 0 ||
        virTestRun("Golden", testGolden, NULL) < 0)
        ret = -1;
    if (testAlters() < 0 || testChecks() < 0 || testFiles() < 0)
        ret = -1;
    if (virTestRun("Parts", testShort, NULL) < 0 ||
        virTestRun("Longer", testLonger, NULL) < 0 ||
        virTestRun("Check too many", testTooMany, NULL) < 0)
        ret = -1;
    if (virTestRun("Read", testFileRead, &here) < 0 ||
        virTestRun("Read elsewhere", testFileRead, &there) < 0 ||
        virTestRun("File from a pipe", testFileFromPipe, NULL) < 0 ||
        virTestRun("Pipe", testPipe, &whole) < 0 ||
        virTestRun("Pipe that ends", testPipe, &cut) < 0 ||
        virTestRun("Unwritable", testUnwritable, NULL) < 0 ||
        virTestRun("Machines", testMachines, NULL) < 0)
        ret = -1;

    virDomainDefFree(testDef);
    unlink("libxl-driver.log");
    testXLFreeDriver(driver);
    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN_PRELOAD(mymain, VIR_TEST_MOCK("xl"))
