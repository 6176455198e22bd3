/*
 * libxldevicemodeldisktest.c: the images of a secondary's disks
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Images are made in a folder of the test's own, their headers by hand.  Media
 * are changed in a drive that a thread plays at the other end of the monitor:
 * it has a script of the commands that it expects, and of its replies.
 */

#include <config.h>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "testutils.h"
#include "libxl/libxl_devicemodel_disk.h"
#include "libxl/libxl_devicemodel_media.h"
#include "libxldevicemodeltestutils.h"
#include "virfile.h"
#include "virthread.h"

#define VIR_FROM_THIS VIR_FROM_NONE

/* What the driver allows, and what libvirt reads of an image. */
#define TEST_CHAIN_MAX 200
#define TEST_HEADER_MAX 0x8200

/* What the driver keeps of the time for a change to undo it, and longer than any
 * case takes that does not end by it. */
#define TEST_UNDO_MS 5000
#define TEST_LONG_MS 20000

static char *testDir;


/* Returns whether an open file is the one of that name. */
static bool
testIsFile(int fd,
           const char *name)
{
    g_autofree char *path = libxlDeviceModelTestPath(testDir, name);
    struct stat open;
    struct stat named;

    return fstat(fd, &open) == 0 && stat(path, &named) == 0 &&
           open.st_dev == named.st_dev && open.st_ino == named.st_ino;
}


/* A header of a qcow2 image (QEMU docs/interop/qcow2.txt). */
typedef struct {
    const char *name;
    unsigned int version;
    unsigned long long incompatible; /* features */
    const char *backing;
    const char *data; /* file */
    size_t gap; /* bytes between the header and what follows it */
    size_t length; /* of the file, if it ends early */
} testQcow2;


static void
testPut32(unsigned char *at,
          uint32_t value)
{
    value = GUINT32_TO_BE(value);
    memcpy(at, &value, sizeof(value));
}


static void
testPut64(unsigned char *at,
          uint64_t value)
{
    value = GUINT64_TO_BE(value);
    memcpy(at, &value, sizeof(value));
}


static void
testQcow2Extension(GByteArray *image,
                   unsigned int magic,
                   const char *value)
{
    unsigned char head[8];
    const unsigned char fill[8] = { 0 };

    testPut32(head, magic);
    testPut32(head + 4, strlen(value));
    g_byte_array_append(image, head, sizeof(head));
    g_byte_array_append(image, (const unsigned char *)value, strlen(value));
    g_byte_array_append(image, fill, -strlen(value) & 7);
}


static int
testQcow2Make(const testQcow2 *qcow2)
{
    g_autofree char *path = libxlDeviceModelTestPath(testDir, qcow2->name);
    g_autoptr(GByteArray) image = g_byte_array_new();
    size_t header = qcow2->version == 2 ? 72 : 104;

    g_byte_array_set_size(image, header);
    memset(image->data, 0, header);
    memcpy(image->data, "QFI\xfb", 4);
    testPut32(image->data + 4, qcow2->version);
    testPut32(image->data + 20, 16); /* bits of a cluster */
    testPut64(image->data + 24, 1024 * 1024);
    if (qcow2->version > 2) {
        testPut64(image->data + 72, qcow2->incompatible);
        testPut32(image->data + 100, header);
    }

    if (qcow2->gap > 0) {
        g_autofree char *unknown = g_strnfill(qcow2->gap, 'x');

        testQcow2Extension(image, 0x12345678, unknown);
    }
    if (qcow2->data)
        testQcow2Extension(image, 0x44415441, qcow2->data);
    testQcow2Extension(image, 0, "");

    if (qcow2->backing) {
        testPut64(image->data + 8, image->len);
        testPut32(image->data + 16, strlen(qcow2->backing));
        g_byte_array_append(image, (const unsigned char *)qcow2->backing,
                            strlen(qcow2->backing));
    }

    return g_file_set_contents(path, (const char *)image->data,
                               qcow2->length ? qcow2->length : image->len, NULL) ? 0 : -1;
}


static const testQcow2 qcow2Images[] = {
    { .name = "single.qcow2", .version = 3 },
    { .name = "old.qcow2", .version = 2 },
    { .name = "over.qcow2", .version = 3, .backing = "base.raw" },
    { .name = "oldover.qcow2", .version = 2, .backing = "/etc/passwd" },
    { .name = "data.qcow2", .version = 3, .incompatible = 4, .data = "/etc/shadow" },
    { .name = "hidden.qcow2", .version = 3, .incompatible = 4, .data = "/etc/shadow",
      .gap = TEST_HEADER_MAX },
    { .name = "oddover.qcow2", .version = 3, .backing = "\033[2J\xff" },
    { .name = "odddata.qcow2", .version = 3, .incompatible = 4, .data = "\033[2J\xff" },
    { .name = "dirty.qcow2", .version = 3, .incompatible = 1 },
    { .name = "over a base.qcow2", .version = 3, .backing = "base.raw" },
    { .name = "short.qcow2", .version = 3, .length = 80 },
};


static int
testMakeImages(void)
{
    static const char *const others[] = { "base.raw", "cd1.iso", "cd2.iso", "disk.vhd" };
    g_autofree char *folder = libxlDeviceModelTestPath(testDir, "folder");
    g_autofree char *fifo = libxlDeviceModelTestPath(testDir, "fifo");
    g_autofree char *null = libxlDeviceModelTestPath(testDir, "null");
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(qcow2Images); i++) {
        if (testQcow2Make(&qcow2Images[i]) < 0)
            return -1;
    }

    for (i = 0; i < G_N_ELEMENTS(others); i++) {
        g_autofree char *path = libxlDeviceModelTestPath(testDir, others[i]);

        if (!g_file_set_contents(path, others[i], -1, NULL))
            return -1;
    }

    return symlink("/dev/null", null) < 0 || mkdir(folder, 0700) < 0 || mkfifo(fifo, 0600) < 0 ? -1 : 0;
}


/* One image of a chain. */
typedef struct {
    const char *name; /* NULL for the end, "" for an empty <backingStore/> */
    virStorageFileFormat format;
} testImage;

typedef struct {
    const char *name;
    testImage chain[4];
    bool cdrom;
    const char *error;
    int code;
    size_t opened; /* that many are open in the end */
} testOpen;

#define QCOW2(file) { .name = file, .format = VIR_STORAGE_FILE_QCOW2 }
#define RAW(file) { .name = file, .format = VIR_STORAGE_FILE_RAW }
#define NOTHING { .name = "" }

#define UNSUPPORTED(text) \
    .error = "unsupported configuration: device model 'blk': " text, \
    .code = VIR_ERR_CONFIG_UNSUPPORTED
#define SYSTEM(text) \
    .error = "device model 'blk': " text, .code = VIR_ERR_SYSTEM_ERROR

static const testOpen openCases[] = {
    { .name = "raw", .chain = { RAW("base.raw") }, .opened = 1 },
    { .name = "raw, that nothing follows", .chain = { RAW("base.raw"), NOTHING }, .opened = 1 },
    { .name = "raw, whatever is in it", .chain = { RAW("over.qcow2") }, .opened = 1 },
    { .name = "qcow2", .chain = { QCOW2("single.qcow2") }, .opened = 1 },
    { .name = "qcow2 of version 2", .chain = { QCOW2("old.qcow2") }, .opened = 1 },
    { .name = "qcow2 with another feature", .chain = { QCOW2("dirty.qcow2") }, .opened = 1 },
    { .name = "vpc",
      .chain = { { .name = "disk.vhd", .format = VIR_STORAGE_FILE_VPC } }, .opened = 1 },
    { .name = "vhd",
      .chain = { { .name = "disk.vhd", .format = VIR_STORAGE_FILE_VHD } }, .opened = 1 },
    { .name = "cdrom", .chain = { RAW("cd1.iso") }, .cdrom = true, .opened = 1 },
    { .name = "cdrom of two images",
      .chain = { QCOW2("over.qcow2"), RAW("cd1.iso") }, .cdrom = true, .opened = 2 },
    { .name = "empty drive", .chain = { { .name = NULL } }, .cdrom = true },
    { .name = "chain as it is in the definition, not in the image",
      .chain = { QCOW2("over.qcow2"), QCOW2("old.qcow2") }, .opened = 2 },
    { .name = "chain of three",
      .chain = { QCOW2("over.qcow2"), QCOW2("oldover.qcow2"), RAW("base.raw"), NOTHING },
      .opened = 3 },
    { .name = "chain to be ignored",
      .chain = { QCOW2("over.qcow2"), NOTHING }, .opened = 1 },
    {
        .name = "chain not in the definition",
        .chain = { QCOW2("over.qcow2") },
        UNSUPPORTED("image 'DIR/over.qcow2' of disk 'hdb' is based on 'base.raw', expected a <backingStore> of the disk that names it, or an empty one to ignore it (qemu-img info --backing-chain DIR/over.qcow2 shows what to write)"),
        .opened = 1,
    },
    {
        .name = "chain of version 2 not in the definition",
        .chain = { QCOW2("over.qcow2"), QCOW2("oldover.qcow2") },
        UNSUPPORTED("image 'DIR/oldover.qcow2' of disk 'hdb' is based on '/etc/passwd', expected a <backingStore> of the disk that names it, or an empty one to ignore it (qemu-img info --backing-chain DIR/oldover.qcow2 shows what to write)"),
        .opened = 2,
    },
    {
        .name = "chain whose name is no text, not in the definition",
        .chain = { QCOW2("oddover.qcow2") },
        UNSUPPORTED("image 'DIR/oddover.qcow2' of disk 'hdb' is based on '\\033[2J\\377', expected a <backingStore> of the disk that names it, or an empty one to ignore it (qemu-img info --backing-chain DIR/oddover.qcow2 shows what to write)"),
        .opened = 1,
    },
    {
        .name = "chain whose name a shell would split, not in the definition",
        .chain = { QCOW2("over a base.qcow2") },
        UNSUPPORTED("image 'DIR/over a base.qcow2' of disk 'hdb' is based on 'base.raw', expected a <backingStore> of the disk that names it, or an empty one to ignore it (qemu-img info --backing-chain 'DIR/over a base.qcow2' shows what to write)"),
        .opened = 1,
    },
    {
        .name = "data file",
        .chain = { QCOW2("data.qcow2") },
        UNSUPPORTED("image 'DIR/data.qcow2' of disk 'hdb' keeps its data in '/etc/shadow', expected an image without a data file"),
        .opened = 1,
    },
    {
        .name = "data file whose name is no text",
        .chain = { QCOW2("odddata.qcow2") },
        UNSUPPORTED("image 'DIR/odddata.qcow2' of disk 'hdb' keeps its data in '\\033[2J\\377', expected an image without a data file"),
        .opened = 1,
    },
    {
        .name = "data file whose name is not found",
        .chain = { QCOW2("hidden.qcow2") },
        UNSUPPORTED("image 'DIR/hidden.qcow2' of disk 'hdb' keeps its data in '', expected an image without a data file"),
        .opened = 1,
    },
    {
        .name = "data file of a lower image",
        .chain = { QCOW2("over.qcow2"), QCOW2("data.qcow2"), NOTHING },
        UNSUPPORTED("image 'DIR/data.qcow2' of disk 'hdb' keeps its data in '/etc/shadow', expected an image without a data file"),
        .opened = 2,
    },
    {
        .name = "header that ends early",
        .chain = { QCOW2("short.qcow2") },
        .error = "device model 'blk': operation failed: image 'DIR/short.qcow2' of disk 'hdb' has no complete header, expected an image of the format 'qcow2'",
        .code = VIR_ERR_OPERATION_FAILED,
        .opened = 1,
    },
    {
        .name = "missing image",
        .chain = { RAW("missing.raw") },
        SYSTEM("cannot open image 'DIR/missing.raw' of disk 'hdb': No such file or directory"),
    },
    {
        .name = "missing lower image",
        .chain = { QCOW2("over.qcow2"), RAW("missing.raw") },
        SYSTEM("cannot open image 'DIR/missing.raw' of disk 'hdb': No such file or directory"),
        .opened = 1,
    },
    {
        .name = "folder to be written to",
        .chain = { RAW("folder") },
        SYSTEM("cannot open image 'DIR/folder' of disk 'hdb': Is a directory"),
    },
    {
        .name = "folder to be read",
        .chain = { RAW("folder") },
        .cdrom = true,
        UNSUPPORTED("image 'DIR/folder' of disk 'hdb' is neither a file nor a block device"),
        .opened = 1,
    },
    {
        .name = "FIFO",
        .chain = { RAW("fifo") },
        UNSUPPORTED("image 'DIR/fifo' of disk 'hdb' is neither a file nor a block device"),
        .opened = 1,
    },
    {
        .name = "FIFO to be read",
        .chain = { RAW("fifo") },
        .cdrom = true,
        UNSUPPORTED("image 'DIR/fifo' of disk 'hdb' is neither a file nor a block device"),
        .opened = 1,
    },
};


static void
testSourceSet(virStorageSource *src,
              const testImage *image)
{
    if (!*image->name)
        return;

    src->type = VIR_STORAGE_TYPE_FILE;
    src->format = image->format;
    src->path = libxlDeviceModelTestPath(testDir, image->name);
}


static virDomainDiskDef *
testDiskNew(const testImage *chain,
            size_t nchain,
            bool cdrom)
{
    virDomainDiskDef *def = virDomainDiskDefNew(NULL);
    virStorageSource *src = def->src;
    size_t i;

    def->dst = g_strdup("hdb");
    def->bus = VIR_DOMAIN_DISK_BUS_IDE;
    def->device = cdrom ? VIR_DOMAIN_DISK_DEVICE_CDROM : VIR_DOMAIN_DISK_DEVICE_DISK;
    src->type = VIR_STORAGE_TYPE_FILE;

    for (i = 0; i < nchain && chain[i].name; i++) {
        if (i > 0) {
            src->backingStore = virStorageSourceNew();
            src = src->backingStore;
        }
        testSourceSet(src, &chain[i]);
    }

    return def;
}


/* The first image is open for what the guest does with it, the others are read. */
static int
testCheckImages(const libxlDeviceModelImages *images,
                const testImage *chain,
                bool cdrom)
{
    size_t i;

    for (i = 0; i < images->nimages; i++) {
        const libxlDeviceModelImage *image = &images->images[i];
        int mode = i > 0 || cdrom ? O_RDONLY : O_RDWR;

        if (image->format != chain[i].format || image->block ||
            !testIsFile(image->fd, chain[i].name) ||
            (fcntl(image->fd, F_GETFL) & O_ACCMODE) != mode ||
            !(fcntl(image->fd, F_GETFD) & FD_CLOEXEC)) {
            VIR_TEST_VERBOSE("image %zu is not as expected", i);
            return -1;
        }
    }

    return 0;
}


static int
testOpenRun(const void *opaque)
{
    const testOpen *test = opaque;
    g_auto(libxlDeviceModelImages) images = { 0 };
    g_autoptr(virDomainDiskDef) def = NULL;
    g_autoptr(GHashTable) files = libxlDeviceModelTestOpenFiles();
    int rc;

    def = testDiskNew(test->chain, G_N_ELEMENTS(test->chain), test->cdrom);
    virResetLastError();
    rc = libxlDeviceModelDiskOpen("blk", def, &images);

    if (rc != (test->error ? -1 : 0) || virGetLastErrorCode() != test->code ||
        images.nimages != test->opened) {
        VIR_TEST_VERBOSE("returned %d with %zu images and error %d '%s'",
                         rc, images.nimages, virGetLastErrorCode(),
                         virGetLastErrorMessage());
        return -1;
    }

    if (test->error ? libxlDeviceModelTestCompareError(testDir, test->error) < 0
                    : testCheckImages(&images, test->chain, test->cdrom) < 0)
        return -1;

    libxlDeviceModelImagesClear(&images);
    if (images.nimages > 0) {
        VIR_TEST_VERBOSE("%zu images were left", images.nimages);
        return -1;
    }

    return libxlDeviceModelTestCheckOpenFiles(files);
}


static const testOpen checkCases[] = {
    { .name = "raw", .chain = { RAW("base.raw") } },
    { .name = "chain", .chain = { QCOW2("over.qcow2"), RAW("base.raw"), NOTHING } },
    { .name = "empty drive", .chain = { { .name = NULL } }, .cdrom = true },
    {
        .name = "chain of version 2 not in the definition",
        .chain = { QCOW2("over.qcow2"), QCOW2("oldover.qcow2") },
        UNSUPPORTED("image 'DIR/oldover.qcow2' of disk 'hdb' is based on '/etc/passwd', expected a <backingStore> of the disk that names it, or an empty one to ignore it (qemu-img info --backing-chain DIR/oldover.qcow2 shows what to write)"),
    },
    {
        .name = "missing image",
        .chain = { RAW("missing.raw") },
        SYSTEM("cannot open image 'DIR/missing.raw' of disk 'hdb': No such file or directory"),
    },
    {
        .name = "folder to be written to",
        .chain = { RAW("folder") },
        UNSUPPORTED("image 'DIR/folder' of disk 'hdb' is neither a file nor a block device"),
    },
};


/* Images are looked at while another disk has them, and are not opened for writing. */
static int
testCheckRun(const void *opaque)
{
    const testOpen *test = opaque;
    g_autoptr(virDomainDiskDef) def = testDiskNew(test->chain, G_N_ELEMENTS(test->chain),
                                                  test->cdrom);
    g_autoptr(GHashTable) files = libxlDeviceModelTestOpenFiles();
    g_auto(libxlDeviceModelImages) images = { 0 };
    const testImage used[] = { RAW("base.raw"), { .name = NULL } };
    g_autoptr(virDomainDiskDef) user = testDiskNew(used, G_N_ELEMENTS(used), false);

    if (libxlDeviceModelDiskOpen("other", user, &images) < 0 ||
        libxlDeviceModelTestOutcome(libxlDeviceModelDiskCheck("blk", def), testDir,
                                    test->error) < 0)
        return -1;

    libxlDeviceModelImagesClear(&images);
    return libxlDeviceModelTestCheckOpenFiles(files);
}


/* As long a chain as may be, and one that is longer. */
static int
testOpenLong(const void *opaque G_GNUC_UNUSED)
{
    size_t excess;

    for (excess = 0; excess < 2; excess++) {
        g_auto(libxlDeviceModelImages) images = { 0 };
        g_autofree testImage *chain = g_new0(testImage, TEST_CHAIN_MAX + excess);
        g_autoptr(virDomainDiskDef) def = NULL;
        size_t i;

        for (i = 0; i < TEST_CHAIN_MAX + excess; i++) {
            chain[i].name = "over.qcow2";
            chain[i].format = VIR_STORAGE_FILE_QCOW2;
        }
        chain[i - 1].name = "single.qcow2";

        /* the same image all over, which is only read */
        def = testDiskNew(chain, i, true);
        if (libxlDeviceModelDiskOpen("blk", def, &images) != -(int)excess ||
            images.nimages != TEST_CHAIN_MAX) {
            VIR_TEST_VERBOSE("chain of %zu: %zu images are open", i, images.nimages);
            return -1;
        }
    }

    return libxlDeviceModelTestCompareError(testDir, "unsupported configuration: device model 'blk': disk 'hdb' is a chain of more than 200 images");
}


/* How a disk uses an image. */
typedef struct {
    testImage chain[3];
    bool cdrom;
    bool shared;
} testUse;

/* Two disks at once. */
typedef struct {
    const char *name;
    testUse first;
    testUse second;
    const char *busy; /* the image that the second one cannot have */
} testLock;

#define WRITTEN(image) { .chain = { image } }
#define READ(image) { .chain = { image }, .cdrom = true }
#define SHARED(image) { .chain = { image }, .shared = true }
#define ABOVE(lower, image) { .chain = { image, lower } }

static const testLock lockCases[] = {
    { .name = "others", .first = WRITTEN(RAW("base.raw")), .second = WRITTEN(RAW("disk.vhd")) },
    { .name = "written twice", .first = WRITTEN(RAW("base.raw")),
      .second = WRITTEN(RAW("base.raw")), .busy = "base.raw" },
    { .name = "written and read", .first = WRITTEN(RAW("base.raw")),
      .second = READ(RAW("base.raw")), .busy = "base.raw" },
    { .name = "read and written", .first = READ(RAW("base.raw")),
      .second = WRITTEN(RAW("base.raw")), .busy = "base.raw" },
    { .name = "read twice", .first = READ(RAW("base.raw")), .second = READ(RAW("base.raw")) },
    { .name = "shared", .first = SHARED(RAW("base.raw")), .second = SHARED(RAW("base.raw")) },
    { .name = "shared by one", .first = SHARED(RAW("base.raw")),
      .second = WRITTEN(RAW("base.raw")), .busy = "base.raw" },
    { .name = "not shared by one", .first = WRITTEN(RAW("base.raw")),
      .second = SHARED(RAW("base.raw")), .busy = "base.raw" },
    { .name = "shared format", .first = SHARED(QCOW2("single.qcow2")),
      .second = SHARED(QCOW2("single.qcow2")), .busy = "single.qcow2" },
    { .name = "base of two", .first = ABOVE(RAW("base.raw"), QCOW2("over.qcow2")),
      .second = ABOVE(RAW("base.raw"), QCOW2("oldover.qcow2")) },
    { .name = "base that is written", .first = ABOVE(RAW("base.raw"), QCOW2("over.qcow2")),
      .second = WRITTEN(RAW("base.raw")), .busy = "base.raw" },
    { .name = "written that is a base", .first = WRITTEN(RAW("base.raw")),
      .second = ABOVE(RAW("base.raw"), QCOW2("over.qcow2")), .busy = "base.raw" },
};


static int
testUseOpen(const testUse *use,
            libxlDeviceModelImages *images)
{
    g_autoptr(virDomainDiskDef) def = testDiskNew(use->chain, G_N_ELEMENTS(use->chain),
                                                  use->cdrom);

    def->src->shared = use->shared;
    return libxlDeviceModelDiskOpen("blk", def, images);
}


static int
testLockRun(const void *opaque)
{
    const testLock *test = opaque;
    g_auto(libxlDeviceModelImages) first = { 0 };
    g_auto(libxlDeviceModelImages) second = { 0 };
    g_autofree char *error = NULL;

    if (testUseOpen(&test->first, &first) < 0)
        return -1;

    virResetLastError();
    if (testUseOpen(&test->second, &second) != (test->busy ? -1 : 0)) {
        VIR_TEST_VERBOSE("unexpectedly, with error '%s'", virGetLastErrorMessage());
        return -1;
    }

    if (!test->busy)
        return 0;

    error = g_strdup_printf("resource busy: device model 'blk': image 'DIR/%s' of disk 'hdb' is in use by another process, expected one that nobody else writes to, and that nobody else uses if it is written to",
                            test->busy);
    if (libxlDeviceModelTestCompareError(testDir, error) < 0)
        return -1;

    /* a lock goes with the file */
    libxlDeviceModelImagesClear(&first);
    libxlDeviceModelImagesClear(&second);
    return testUseOpen(&test->second, &second);
}


/* The bytes that others find locked, in the order of the file. */
static int
testLockBytes(const char *name,
              const char *expected)
{
    g_autofree char *path = libxlDeviceModelTestPath(testDir, name);
    VIR_AUTOCLOSE fd = open(path, O_RDWR | O_CLOEXEC);
    g_auto(virBuffer) found = VIR_BUFFER_INITIALIZER;
    off_t i;

    for (i = 0; i < 300; i++) {
        struct flock lock = {
            .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = i, .l_len = 1,
        };

        if (fcntl(fd, F_OFD_GETLK, &lock) < 0)
            return -1;
        if (lock.l_type != F_UNLCK)
            virBufferAsprintf(&found, "%lld ", (long long)i);
    }

    return virTestCompareToString(expected, NULLSTR_EMPTY(virBufferCurrentContent(&found)));
}


/* Those that QEMU looks at: 100 to read, 101 to write, 103 to resize; 201 and 203
 * where nobody else may.  They stay as long as a copy of the file is open. */
static int
testLockQEMU(const void *opaque G_GNUC_UNUSED)
{
    static const testUse above = ABOVE(RAW("base.raw"), QCOW2("over.qcow2"));
    static const testUse shared = SHARED(RAW("disk.vhd"));
    g_auto(libxlDeviceModelImages) images = { 0 };
    VIR_AUTOCLOSE copy = -1;

    if (testUseOpen(&shared, &images) < 0 ||
        testLockBytes("disk.vhd", "100 101 ") < 0)
        return -1;
    libxlDeviceModelImagesClear(&images);

    if (testLockBytes("disk.vhd", "") < 0 ||
        testUseOpen(&above, &images) < 0 ||
        testLockBytes("over.qcow2", "100 101 103 201 203 ") < 0 ||
        testLockBytes("base.raw", "100 201 203 ") < 0 ||
        (copy = dup(images.images[0].fd)) < 0)
        return -1;
    libxlDeviceModelImagesClear(&images);

    if (testLockBytes("over.qcow2", "100 101 103 201 203 ") < 0 ||
        testLockBytes("base.raw", "") < 0)
        return -1;

    return 0;
}


/* A process that was handed what is open here, and does nothing.  Returns the secondary that it is
 * the process of. */
static libxlDeviceModel *
testHandOver(void)
{
    libxlDeviceModel *dm = libxlDeviceModelNewEmpty();
    pid_t parent = getpid();
    pid_t pid = fork();

    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        while (getppid() == parent)
            pause();
        _exit(EXIT_FAILURE);
    }

    dm->name = g_strdup("blk");
    dm->process.pid = pid;
    if (pid < 0 || (dm->process.pidfd = syscall(SYS_pidfd_open, pid, 0)) < 0)
        abort();

    return dm;
}


static void
testEnd(libxlDeviceModel *dm)
{
    kill(dm->process.pid, SIGKILL);
    waitpid(dm->process.pid, NULL, 0);
    virObjectUnref(dm);
}


/* Gives images back in a while. */
static void
testGiveBack(void *opaque)
{
    libxlDeviceModelImages *images = opaque;

    g_usleep(300 * 1000);
    libxlDeviceModelImagesClear(images);
}


/* What is about to be given back is waited for. */
static int
testTakeBack(libxlDeviceModel *dm,
             const virDomainDiskDef *def,
             libxlDeviceModelImages *images)
{
    virThread thread;
    int ret;

    if (virThreadCreate(&thread, true, testGiveBack, images) < 0)
        return -1;

    ret = libxlDeviceModelDiskRelock(dm, def, g_get_monotonic_time() + TEST_LONG_MS * 1000LL);
    virThreadJoin(&thread);

    return ret;
}


static int
testGiveAwayRun(libxlDeviceModel *dm,
                const virDomainDiskDef *def)
{
    static const testUse other = WRITTEN(QCOW2("over.qcow2"));
    g_auto(libxlDeviceModelImages) images = { 0 };

    if (testLockBytes("over.qcow2", "100 101 103 201 203 ") < 0 ||
        testLockBytes("base.raw", "100 201 203 ") < 0)
        return -1;

    libxlDeviceModelDiskUnlock(dm, def);
    if (testLockBytes("over.qcow2", "") < 0 ||
        testLockBytes("base.raw", "") < 0)
        return -1;

    /* its base is not in that one's definition, which is found when it is locked */
    ignore_value(testUseOpen(&other, &images));
    virResetLastError();
    if (libxlDeviceModelDiskRelock(dm, def, 0) == 0 ||
        libxlDeviceModelTestCompareError(testDir, "resource busy: device model 'blk': image 'DIR/over.qcow2' of disk 'hdb' is in use by another process, expected one that nobody else writes to, and that nobody else uses if it is written to") < 0)
        return -1;

    libxlDeviceModelImagesClear(&images);
    if (testLockBytes("over.qcow2", "") < 0)
        return -1;

    /* the second time it has them */
    ignore_value(testUseOpen(&other, &images));
    if (testTakeBack(dm, def, &images) < 0 ||
        libxlDeviceModelDiskRelock(dm, def, 0) < 0 ||
        testLockBytes("over.qcow2", "100 101 103 201 203 ") < 0 ||
        testLockBytes("base.raw", "100 201 203 ") < 0)
        return -1;

    return 0;
}


/* What a process has open is unlocked, and locked again unless another has it by then. */
static int
testGiveAway(const void *opaque G_GNUC_UNUSED)
{
    const testImage chain[] = { QCOW2("over.qcow2"), RAW("base.raw"), NOTHING };
    g_autoptr(virDomainDiskDef) def = testDiskNew(chain, G_N_ELEMENTS(chain), false);
    g_autoptr(GHashTable) files = libxlDeviceModelTestOpenFiles();
    g_auto(libxlDeviceModelImages) images = { 0 };
    libxlDeviceModel *dm;
    int ret;

    if (libxlDeviceModelDiskOpen("blk", def, &images) < 0)
        return -1;

    dm = testHandOver();
    libxlDeviceModelImagesClear(&images);
    ret = testGiveAwayRun(dm, def);
    testEnd(dm);

    return ret < 0 ? -1 : libxlDeviceModelTestCheckOpenFiles(files);
}


/* A process may have opened the image in another way, or something else: that is not what it was
 * handed, and nobody is kept from it.  One that is gone keeps nobody, either. */
static int
testTakeStranger(const void *opaque G_GNUC_UNUSED)
{
    const testImage chain[] = { RAW("base.raw"), { .name = NULL } };
    g_autoptr(virDomainDiskDef) def = testDiskNew(chain, G_N_ELEMENTS(chain), false);
    g_autofree char *path = libxlDeviceModelTestPath(testDir, "base.raw");
    g_autofree char *elsewhere = libxlDeviceModelTestPath(testDir, "disk.vhd");
    VIR_AUTOCLOSE another = open(elsewhere, O_RDWR | O_CLOEXEC);
    VIR_AUTOCLOSE named = open(path, O_PATH | O_CLOEXEC);
    VIR_AUTOCLOSE other = open(path, O_RDONLY | O_CLOEXEC);
    g_autoptr(virDomainDiskDef) readonly = testDiskNew(chain, G_N_ELEMENTS(chain), true);
    libxlDeviceModel *dm = testHandOver();
    int ret = libxlDeviceModelDiskRelock(dm, def, 0);

    if (testLockBytes("base.raw", "") < 0 ||
        testLockBytes("disk.vhd", "") < 0 ||
        libxlDeviceModelDiskRelock(dm, readonly, 0) < 0 ||
        testLockBytes("base.raw", "100 201 203 ") < 0)
        ret = -1;

    libxlDeviceModelDiskUnlock(dm, readonly);
    if (testLockBytes("base.raw", "") < 0)
        ret = -1;

    testEnd(dm);
    dm = libxlDeviceModelNewEmpty();
    if (libxlDeviceModelDiskRelock(dm, def, 0) < 0)
        ret = -1;
    virObjectUnref(dm);

    return ret;
}


/* A lock of the daemon's own is not lost where the process has that file open, too, whatever it is. */
static int
testKeepOwnLock(const void *opaque G_GNUC_UNUSED)
{
    const testImage chain[] = { RAW("base.raw"), { .name = NULL } };
    g_autoptr(virDomainDiskDef) def = testDiskNew(chain, G_N_ELEMENTS(chain), false);
    g_autofree char *path = libxlDeviceModelTestPath(testDir, "disk.vhd");
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 7, .l_len = 1 };
    VIR_AUTOCLOSE own = open(path, O_RDWR | O_CLOEXEC);
    struct flock found = lock;
    libxlDeviceModel *dm = testHandOver();
    VIR_AUTOCLOSE other = open(path, O_RDWR | O_CLOEXEC);
    int ret = -1;

    if (fcntl(own, F_SETLK, &lock) == 0) {
        libxlDeviceModelDiskUnlock(dm, def);
        if (fcntl(other, F_OFD_GETLK, &found) == 0 && found.l_type == F_WRLCK)
            ret = 0;
    }

    testEnd(dm);
    return ret;
}


/* An image as it is told to a client. */
typedef struct {
    const char *name;
    testImage image;
    unsigned long long capacity;
    const char *error;
    int code;
} testInfo;

static const testInfo infoCases[] = {
    { .name = "raw", .image = RAW("base.raw"), .capacity = 8 },
    { .name = "qcow2", .image = QCOW2("over.qcow2"), .capacity = 1024 * 1024 },
    {
        .name = "missing image",
        .image = RAW("missing.raw"),
        .error = "cannot look at image 'DIR/missing.raw' of disk 'hdb': No such file or directory",
        .code = VIR_ERR_SYSTEM_ERROR,
    },
    {
        .name = "folder",
        .image = RAW("folder"),
        .error = "Requested operation is not valid: image 'DIR/folder' of disk 'hdb' is neither a file nor a block device",
        .code = VIR_ERR_OPERATION_INVALID,
    },
    {
        .name = "FIFO",
        .image = RAW("fifo"),
        .error = "Requested operation is not valid: image 'DIR/fifo' of disk 'hdb' is neither a file nor a block device",
        .code = VIR_ERR_OPERATION_INVALID,
    },
    {
        .name = "device without content",
        .image = RAW("null"),
        .error = "Requested operation is not valid: image 'DIR/null' of disk 'hdb' is neither a file nor a block device",
        .code = VIR_ERR_OPERATION_INVALID,
    },
    {
        .name = "header that ends early",
        .image = QCOW2("short.qcow2"),
        .error = "operation failed: image 'DIR/short.qcow2' of disk 'hdb' has no complete header, expected an image of the format 'qcow2'",
        .code = VIR_ERR_OPERATION_FAILED,
    },
};


static int
testInfoRun(const void *opaque)
{
    const testInfo *test = opaque;
    g_autoptr(virDomainDiskDef) def = testDiskNew(&test->image, 1, false);
    virDomainBlockInfo info = { 0 };
    g_autoptr(GHashTable) files = libxlDeviceModelTestOpenFiles();
    struct stat sb = { 0 };
    int rc;

    virResetLastError();
    rc = libxlDeviceModelDiskGetInfo(def->src, def->dst, &info);

    if (rc != (test->error ? -1 : 0) || virGetLastErrorCode() != test->code ||
        libxlDeviceModelTestCheckOpenFiles(files) < 0) {
        VIR_TEST_VERBOSE("returned %d with error %d '%s'", rc,
                         virGetLastErrorCode(), virGetLastErrorMessage());
        return -1;
    }

    if (test->error)
        return libxlDeviceModelTestCompareError(testDir, test->error);

    if (stat(def->src->path, &sb) < 0 ||
        info.capacity != test->capacity || info.physical != (unsigned long long)sb.st_size ||
        info.allocation != (unsigned long long)sb.st_blocks * 512) {
        VIR_TEST_VERBOSE("%llu, %llu, %llu", info.capacity, info.allocation, info.physical);
        return -1;
    }

    return 0;
}


/* What the device model expects next, and what it does then. */
typedef struct {
    const char *command;
    const char *arguments;
    const char *file; /* that comes with the command */
    const char *result; /* {} where there is neither that nor an error */
    const char *error;
    bool again; /* reply to any number of them, until another command comes */
    bool close;
    unsigned int delayMs; /* before the reply */
} testStep;

typedef struct {
    const char *name;
    testImage chain[3]; /* the new medium */
    testStep steps[16];
    const char *error;
    int code;
    unsigned int limitMs; /* to succeed in */
} testChange;

typedef struct {
    virThread thread;
    const testStep *steps;
    size_t served; /* of the step, if it is served again */
    int fd;
    int received; /* with the last command, or -1 */
    GString *in;
    char *failure;
} testDrive;


/* Returns the next command, or NULL at the end of the connection. */
static virJSONValue *
testDriveNext(testDrive *drive)
{
    virJSONValue *message;
    char *end;

    while (!(end = strchr(drive->in->str, '\n'))) {
        if (!libxlDeviceModelTestReceive(drive->fd, drive->in, &drive->received))
            return NULL;
    }

    *end = '\0';
    message = virJSONValueFromString(drive->in->str);
    g_string_erase(drive->in, 0, end - drive->in->str + 1);
    return message;
}


static bool
testStepIs(const testStep *step,
           virJSONValue *message)
{
    virJSONValue *arguments = virJSONValueObjectGet(message, "arguments");
    g_autofree char *text = arguments ? virJSONValueToString(arguments, false) : NULL;

    return STREQ_NULLABLE(virJSONValueObjectGetString(message, "execute"), step->command) &&
           STREQ_NULLABLE(text, step->arguments);
}


/* Returns the step that the message is, or NULL with a failure. */
static const testStep *
testDriveStep(testDrive *drive,
              virJSONValue *message)
{
    const testStep *step = drive->steps;

    if (step->again && drive->served > 0 && !testStepIs(step, message)) {
        step = ++drive->steps;
        drive->served = 0;
    }

    if (!step->command || !testStepIs(step, message)) {
        g_autofree char *text = virJSONValueToString(message, false);

        drive->failure = g_strdup_printf("got '%s', expected '%s' with '%s'", text,
                                         NULLSTR(step->command), NULLSTR(step->arguments));
        return NULL;
    }

    if (step->again)
        drive->served++;
    else
        drive->steps++;

    return step;
}


/* A file comes with the commands that say so and with no others, to be read. */
static void
testDriveCheckFile(testDrive *drive,
                   const testStep *step)
{
    bool fits = drive->received < 0;

    if (step->file)
        fits = testIsFile(drive->received, step->file) &&
               (fcntl(drive->received, F_GETFL) & O_ACCMODE) == O_RDONLY;

    if (!fits)
        drive->failure = g_strdup_printf("'%s' came without the file '%s'",
                                         step->command, NULLSTR(step->file));

    VIR_FORCE_CLOSE(drive->received);
}


static void
testDriveReply(testDrive *drive,
               const testStep *step,
               virJSONValue *message)
{
    unsigned long long id = 0;
    g_autofree char *reply = NULL;

    ignore_value(virJSONValueObjectGetNumberUlong(message, "id", &id));
    g_usleep(step->delayMs * 1000);

    if (step->error)
        reply = g_strdup_printf("{\"error\": {\"class\": \"GenericError\", \"desc\": \"%s\"}, \"id\": %llu}\r\n",
                                step->error, id);
    else
        reply = g_strdup_printf("{\"return\": %s, \"id\": %llu}\r\n",
                                step->result ? step->result : "{}", id);

    if (send(drive->fd, reply, strlen(reply), MSG_NOSIGNAL) < 0)
        drive->failure = g_strdup("nobody waits for a reply");
}


static void
testDriveRun(void *opaque)
{
    testDrive *drive = opaque;
    static const char greeting[] = "{\"QMP\": {}}\r\n";

    if (send(drive->fd, greeting, strlen(greeting), MSG_NOSIGNAL) < 0)
        drive->failure = g_strdup("nobody waits for a greeting");

    while (!drive->failure) {
        g_autoptr(virJSONValue) message = testDriveNext(drive);
        const testStep *step;

        if (!message || !(step = testDriveStep(drive, message)))
            break;

        testDriveCheckFile(drive, step);
        if (step->close)
            break;
        testDriveReply(drive, step, message);
    }

    if (drive->steps->again && drive->served > 0)
        drive->steps++;
    if (!drive->failure && drive->steps->command)
        drive->failure = g_strdup_printf("no command '%s'", drive->steps->command);

    VIR_FORCE_CLOSE(drive->received);
    VIR_FORCE_CLOSE(drive->fd);
}


/* Steps that are the same in many scripts.  The old medium is the one that the
 * device model started with. */
#define STEP_HANDSHAKE { .command = "qmp_capabilities" }
#define STEP_QUERY(medium) \
    { .command = "qom-get", \
      .arguments = "{\"path\":\"/machine/peripheral/ide0-1-0\",\"property\":\"drive\"}", \
      .result = medium }
#define STEP_ADD_FD(image, number) \
    { .command = "add-fd", .file = image, \
      .result = "{\"fdset-id\": " number ", \"fd\": 20}" }
#define STEP_ADD_NODE \
    .command = "blockdev-add", \
    .arguments = "{\"driver\":\"raw\",\"file\":{\"driver\":\"file\",\"filename\":\"/dev/fdset/7\",\"locking\":\"off\"}," \
                 "\"node-name\":\"disk-1-0-7\",\"read-only\":true," \
                 "\"cache\":{\"direct\":false,\"no-flush\":false},\"discard\":\"ignore\"}"
#define STEP_REMOVE_FD(number) \
    { .command = "remove-fd", .arguments = "{\"fdset-id\":" number "}" }
#define STEP_OPEN(force) \
    .command = "blockdev-open-tray", .arguments = "{\"id\":\"ide0-1-0\",\"force\":" force "}"
#define STEP_REMOVE \
    .command = "blockdev-remove-medium", .arguments = "{\"id\":\"ide0-1-0\"}"
#define STEP_INSERT(node) \
    .command = "blockdev-insert-medium", \
    .arguments = "{\"id\":\"ide0-1-0\",\"node-name\":\"" node "\"}"
#define STEP_CLOSE \
    .command = "blockdev-close-tray", .arguments = "{\"id\":\"ide0-1-0\"}"
#define STEP_DELETE(node) \
    .command = "blockdev-del", .arguments = "{\"node-name\":\"" node "\"}"

#define FULL "\"disk-1-0\""
#define EMPTY "\"\""

/* the new medium is known, and nothing has happened to the old one */
#define STEPS_ADD(medium) \
    STEP_HANDSHAKE, STEP_QUERY(medium), STEP_ADD_FD("cd2.iso", "7"), \
    { STEP_ADD_NODE }, STEP_REMOVE_FD("7")

#define FAILED(text) \
    .error = "operation failed: device model 'blk': monitor command '" text, \
    .code = VIR_ERR_OPERATION_FAILED
#define TIMED_OUT(text) \
    .error = "Timed out during operation: device model 'blk': monitor command '" text, \
    .code = VIR_ERR_OPERATION_TIMEOUT
#define INTERNAL(text) \
    .error = "internal error: device model 'blk': monitor command '" text, \
    .code = VIR_ERR_INTERNAL_ERROR

static const testChange changeCases[] = {
    {
        .name = "another medium",
        .chain = { RAW("cd2.iso") },
        .steps = {
            STEPS_ADD(FULL),
            { STEP_OPEN("false") },
            { STEP_REMOVE },
            { STEP_INSERT("disk-1-0-7") },
            { STEP_CLOSE },
            { STEP_DELETE("disk-1-0") },
        },
    },
    {
        .name = "once more",
        .chain = { RAW("cd2.iso") },
        .steps = {
            STEPS_ADD("\"disk-1-0-12\""),
            { STEP_OPEN("false") },
            { STEP_REMOVE },
            { STEP_INSERT("disk-1-0-7") },
            { STEP_CLOSE },
            { STEP_DELETE("disk-1-0-12") },
        },
    },
    {
        .name = "into an empty drive",
        .chain = { RAW("cd2.iso") },
        .steps = {
            STEPS_ADD(EMPTY),
            { STEP_OPEN("false") },
            { STEP_REMOVE },
            { STEP_INSERT("disk-1-0-7") },
            { STEP_CLOSE },
        },
    },
    {
        .name = "out of a drive",
        .steps = {
            STEP_HANDSHAKE,
            STEP_QUERY(FULL),
            { STEP_OPEN("false") },
            { STEP_REMOVE },
            { STEP_CLOSE },
            { STEP_DELETE("disk-1-0") },
        },
    },
    {
        .name = "out of an empty drive",
        .steps = {
            STEP_HANDSHAKE,
            STEP_QUERY(EMPTY),
            { STEP_OPEN("false") },
            { STEP_REMOVE },
            { STEP_CLOSE },
        },
    },
    {
        .name = "medium of two images",
        .chain = { QCOW2("over.qcow2"), QCOW2("single.qcow2") },
        .steps = {
            STEP_HANDSHAKE,
            STEP_QUERY(EMPTY),
            STEP_ADD_FD("over.qcow2", "4"),
            STEP_ADD_FD("single.qcow2", "5"),
            { .command = "blockdev-add",
              .arguments = "{\"driver\":\"qcow2\",\"file\":{\"driver\":\"file\",\"filename\":\"/dev/fdset/4\",\"locking\":\"off\"},"
                           "\"backing\":{\"driver\":\"qcow2\",\"file\":{\"driver\":\"file\",\"filename\":\"/dev/fdset/5\",\"locking\":\"off\"},\"backing\":null},"
                           "\"node-name\":\"disk-1-0-4\",\"read-only\":true,"
                           "\"cache\":{\"direct\":false,\"no-flush\":false},\"discard\":\"ignore\"}" },
            STEP_REMOVE_FD("4"),
            STEP_REMOVE_FD("5"),
            { STEP_OPEN("false") },
            { STEP_REMOVE },
            { STEP_INSERT("disk-1-0-4") },
            { STEP_CLOSE },
        },
    },
    {
        .name = "locked drive that the guest unlocks",
        .chain = { RAW("cd2.iso") },
        .steps = {
            STEPS_ADD(FULL),
            { STEP_OPEN("false") },
            { STEP_REMOVE, .error = "Tray of device 'ide0-1-0' is not open" },
            { STEP_REMOVE },
            { STEP_INSERT("disk-1-0-7") },
            { STEP_CLOSE },
            { STEP_DELETE("disk-1-0") },
        },
    },
    {
        .name = "locked drive that the guest keeps locked",
        .chain = { RAW("cd2.iso") },
        .steps = {
            STEPS_ADD(FULL),
            { STEP_OPEN("false") },
            { STEP_REMOVE, .error = "Tray of device 'ide0-1-0' is not open", .again = true },
            { STEP_OPEN("true") },
            { STEP_REMOVE },
            { STEP_INSERT("disk-1-0-7") },
            { STEP_CLOSE },
            { STEP_DELETE("disk-1-0") },
        },
    },
    {
        .name = "drive that the guest closes before the medium is in it",
        .chain = { RAW("cd2.iso") },
        .steps = {
            STEPS_ADD(FULL),
            { STEP_OPEN("false") },
            { STEP_REMOVE },
            { STEP_INSERT("disk-1-0-7"), .error = "Tray of device 'ide0-1-0' is not open" },
            { STEP_OPEN("true") },
            { STEP_INSERT("disk-1-0-7") },
            { STEP_CLOSE },
            { STEP_DELETE("disk-1-0") },
        },
    },
    {
        .name = "unnecessary steps refused",
        .chain = { RAW("cd2.iso") },
        .steps = {
            STEP_HANDSHAKE,
            STEP_QUERY(FULL),
            STEP_ADD_FD("cd2.iso", "7"),
            { STEP_ADD_NODE },
            { .command = "remove-fd", .arguments = "{\"fdset-id\":7}", .error = "No" },
            { STEP_OPEN("false") },
            { STEP_REMOVE },
            { STEP_INSERT("disk-1-0-7") },
            { STEP_CLOSE, .error = "No" },
            { STEP_DELETE("disk-1-0"), .error = "No" },
        },
    },
    {
        .name = "medium that QEMU cannot open",
        .chain = { RAW("cd2.iso") },
        .steps = {
            STEP_HANDSHAKE,
            STEP_QUERY(FULL),
            STEP_ADD_FD("cd2.iso", "7"),
            { STEP_ADD_NODE, .error = "Image is not in raw format" },
            STEP_REMOVE_FD("7"),
        },
        FAILED("blockdev-add': GenericError: Image is not in raw format"),
    },
    {
        .name = "file that QEMU does not take",
        .chain = { QCOW2("over.qcow2"), RAW("cd2.iso") },
        .steps = {
            STEP_HANDSHAKE,
            STEP_QUERY(FULL),
            STEP_ADD_FD("over.qcow2", "7"),
            { .command = "add-fd", .file = "cd2.iso", .error = "No" },
            STEP_REMOVE_FD("7"),
        },
        FAILED("add-fd': GenericError: No"),
    },
    {
        .name = "drive that cannot be opened",
        .chain = { RAW("cd2.iso") },
        .steps = {
            STEPS_ADD(FULL),
            { STEP_OPEN("false"), .error = "No" },
            { STEP_CLOSE },
            { STEP_DELETE("disk-1-0-7") },
        },
        FAILED("blockdev-open-tray': GenericError: No"),
    },
    {
        .name = "medium that is not inserted",
        .chain = { RAW("cd2.iso") },
        .steps = {
            STEPS_ADD(FULL),
            { STEP_OPEN("false") },
            { STEP_REMOVE },
            { STEP_INSERT("disk-1-0-7"), .error = "No" },
            { STEP_OPEN("true") },
            { STEP_INSERT("disk-1-0-7"), .error = "No, no" },
            { STEP_INSERT("disk-1-0") },
            { STEP_CLOSE },
            { STEP_DELETE("disk-1-0-7") },
        },
        FAILED("blockdev-insert-medium': GenericError: No, no"),
    },
    {
        .name = "medium that is not inserted, and the old one neither",
        .chain = { RAW("cd2.iso") },
        .steps = {
            STEPS_ADD(FULL),
            { STEP_OPEN("false") },
            { STEP_REMOVE },
            { STEP_INSERT("disk-1-0-7"), .error = "No" },
            { STEP_OPEN("true") },
            { STEP_INSERT("disk-1-0-7"), .error = "No, no" },
            { STEP_INSERT("disk-1-0"), .error = "Gone" },
            { STEP_OPEN("true"), .error = "Gone" },
            { STEP_CLOSE, .error = "Gone" },
            { STEP_DELETE("disk-1-0-7"), .error = "Gone" },
        },
        FAILED("blockdev-insert-medium': GenericError: No, no"),
    },
    {
        .name = "medium that is not inserted into an empty drive",
        .chain = { RAW("cd2.iso") },
        .steps = {
            STEPS_ADD(EMPTY),
            { STEP_OPEN("false") },
            { STEP_REMOVE },
            { STEP_INSERT("disk-1-0-7"), .error = "No" },
            { STEP_OPEN("true"), .error = "Never" },
            { STEP_CLOSE },
            { STEP_DELETE("disk-1-0-7") },
        },
        FAILED("blockdev-open-tray': GenericError: Never"),
    },
    {
        .name = "device model that ends meanwhile",
        .chain = { RAW("cd2.iso") },
        .steps = {
            STEPS_ADD(FULL),
            { STEP_OPEN("false") },
            { STEP_REMOVE, .close = true },
        },
        INTERNAL("blockdev-remove-medium': closed its monitor connection"),
    },
    {
        .name = "device model that is late with the new medium",
        .chain = { RAW("cd2.iso") },
        .steps = {
            STEPS_ADD(FULL),
            { STEP_OPEN("false") },
            { STEP_REMOVE },
            { STEP_INSERT("disk-1-0-7"), .delayMs = 1500 },
            { STEP_INSERT("disk-1-0") },
            { STEP_CLOSE },
            { STEP_DELETE("disk-1-0-7") },
        },
        .limitMs = 1000,
        TIMED_OUT("blockdev-insert-medium': no answer within N ms"),
    },
    {
        .name = "hostile: each answer in time, but not all of them together",
        .chain = { RAW("cd2.iso") },
        .steps = {
            STEP_HANDSHAKE,
            STEP_QUERY(FULL),
            { .command = "add-fd", .file = "cd2.iso", .delayMs = 400,
              .result = "{\"fdset-id\": 7, \"fd\": 20}" },
            { STEP_ADD_NODE, .delayMs = 400 },
            { .command = "remove-fd", .arguments = "{\"fdset-id\":7}", .delayMs = 400 },
            { STEP_OPEN("false"), .delayMs = 400 },
            { STEP_CLOSE },
            { STEP_DELETE("disk-1-0-7") },
        },
        .limitMs = 1000,
        TIMED_OUT("blockdev-open-tray': no answer within N ms"),
    },
    {
        .name = "hostile: set of files without a number",
        .chain = { RAW("cd2.iso") },
        .steps = {
            STEP_HANDSHAKE,
            STEP_QUERY(FULL),
            { .command = "add-fd", .file = "cd2.iso", .result = "{\"fdset-id\": -7}" },
        },
        INTERNAL("add-fd': sent a reply without 'fdset-id'"),
    },
    {
        .name = "hostile: no name of a medium",
        .steps = {
            STEP_HANDSHAKE,
            STEP_QUERY("{\"drive\": \"disk-1-0\"}"),
            { STEP_OPEN("false") },
            { STEP_REMOVE },
            { STEP_CLOSE },
        },
    },
    {
        .name = "hostile: no medium",
        .steps = {
            STEP_HANDSHAKE,
            STEP_QUERY("null"),
            { STEP_OPEN("false") },
            { STEP_REMOVE },
            { STEP_CLOSE },
        },
    },
    {
        .name = "hostile: medium of another drive",
        .steps = {
            STEP_HANDSHAKE,
            STEP_QUERY("\"disk-1-00\""),
            { STEP_OPEN("false") },
            { STEP_REMOVE },
            { STEP_CLOSE },
        },
    },
    {
        .name = "hostile: medium with a name for the log",
        .steps = {
            STEP_HANDSHAKE,
            STEP_QUERY("\"disk-1-0-1\\nerror\""),
            { STEP_OPEN("false") },
            { STEP_REMOVE },
            { STEP_CLOSE },
        },
    },
};


static int
testChangeMedia(libxlDeviceModelMonitor *mon,
                const testChange *test)
{
    libxlDeviceModelDisk disk = {
        .idx = 3, .bus = 1, .unit = 0, .cdrom = true, .readonly = true,
    };
    g_auto(libxlDeviceModelImages) images = { 0 };
    g_autoptr(virDomainDiskDef) def = testDiskNew(test->chain, G_N_ELEMENTS(test->chain), true);
    gint64 limit = TEST_UNDO_MS;
    size_t i;
    int rc;

    virResetLastError();
    if (libxlDeviceModelDiskOpen("blk", def, &images) < 0 ||
        libxlDeviceModelMonitorHandshake(mon, g_get_monotonic_time() + TEST_LONG_MS * 1000LL) < 0)
        return -1;

    limit += test->limitMs ? test->limitMs : TEST_LONG_MS;
    rc = libxlDeviceModelMediaChange(mon, &disk, &images,
                                     g_get_monotonic_time() + limit * 1000);

    if (rc != (test->error ? -1 : 0) || virGetLastErrorCode() != test->code) {
        VIR_TEST_VERBOSE("returned %d with error %d '%s'", rc,
                         virGetLastErrorCode(), virGetLastErrorMessage());
        return -1;
    }

    for (i = 0; i < images.nimages; i++) {
        if (!testIsFile(images.images[i].fd, test->chain[i].name)) {
            VIR_TEST_VERBOSE("image %zu is not open any more", i);
            return -1;
        }
    }

    return test->error ? libxlDeviceModelTestCompareError(testDir, test->error) : 0;
}


static int
testChangeRun(const void *opaque)
{
    const testChange *test = opaque;
    testDrive drive = { .steps = test->steps, .received = -1 };
    libxlDeviceModelMonitor *mon;
    g_autoptr(GHashTable) files = libxlDeviceModelTestOpenFiles();
    int fds[2];
    int ret;

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
        return -1;

    drive.fd = fds[1];
    drive.in = g_string_new(NULL);
    mon = libxlDeviceModelMonitorNew("blk", &fds[0]);
    if (virThreadCreate(&drive.thread, true, testDriveRun, &drive) < 0)
        abort();

    ret = testChangeMedia(mon, test);

    libxlDeviceModelMonitorFree(mon);
    virThreadJoin(&drive.thread);
    g_string_free(drive.in, true);

    if (drive.failure) {
        VIR_TEST_VERBOSE("device model: %s", drive.failure);
        ret = -1;
    }
    g_free(drive.failure);

    if (libxlDeviceModelTestCheckOpenFiles(files) < 0)
        ret = -1;

    return ret;
}


static int
mymain(void)
{
    g_autofree char *dir = NULL;
    size_t i;
    int ret = 0;

    if (!(dir = g_dir_make_tmp("disk-XXXXXX", NULL)))
        return EXIT_FAILURE;
    testDir = dir;

    if (testMakeImages() < 0) {
        virFileDeleteTree(testDir);
        return EXIT_FAILURE;
    }

    for (i = 0; i < G_N_ELEMENTS(openCases); i++) {
        g_autofree char *title = g_strdup_printf("open: %s", openCases[i].name);

        if (virTestRun(title, testOpenRun, &openCases[i]) < 0)
            ret = -1;
    }

    if (virTestRun("open: long chains", testOpenLong, NULL) < 0)
        ret = -1;

    for (i = 0; i < G_N_ELEMENTS(checkCases); i++) {
        g_autofree char *title = g_strdup_printf("check: %s", checkCases[i].name);

        if (virTestRun(title, testCheckRun, &checkCases[i]) < 0)
            ret = -1;
    }

    for (i = 0; i < G_N_ELEMENTS(lockCases); i++) {
        g_autofree char *title = g_strdup_printf("lock: %s", lockCases[i].name);

        if (virTestRun(title, testLockRun, &lockCases[i]) < 0)
            ret = -1;
    }

    if (virTestRun("lock: as QEMU does", testLockQEMU, NULL) < 0)
        ret = -1;
    if (virTestRun("lock: given away and taken back", testGiveAway, NULL) < 0)
        ret = -1;
    if (virTestRun("lock: what was not handed over", testTakeStranger, NULL) < 0)
        ret = -1;
    if (virTestRun("lock: the daemon's own", testKeepOwnLock, NULL) < 0)
        ret = -1;

    for (i = 0; i < G_N_ELEMENTS(infoCases); i++) {
        g_autofree char *title = g_strdup_printf("info: %s", infoCases[i].name);

        if (virTestRun(title, testInfoRun, &infoCases[i]) < 0)
            ret = -1;
    }

    for (i = 0; i < G_N_ELEMENTS(changeCases); i++) {
        g_autofree char *title = g_strdup_printf("change: %s", changeCases[i].name);

        if (virTestRun(title, testChangeRun, &changeCases[i]) < 0)
            ret = -1;
    }

    if (virFileDeleteTree(testDir) < 0)
        ret = -1;

    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN(mymain)
