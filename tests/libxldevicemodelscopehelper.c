/*
 * libxldevicemodelscopehelper.c: an emulator as the scope library sees one
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Makes the calls that stdin names, one a line, and prints each, then, indented,
 * what reached the stand-ins for Xen's libraries and the result unless it is 0.
 * It plays the driver, too: argv[1] is the driver's end of the socket, argv[2]
 * the library's.  Links to neither libvirt nor glib, as no emulator does.
 */

/* fopen() and fopen64() are both called. */
#undef _FILE_OFFSET_BITS
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xendevicemodel.h>
#include <xenevtchn.h>
#include <xenforeignmemory.h>
#include <xenstore.h>
#include <xentoolcore.h>
#include <xen/hvm/ioreq.h>
#include <xen/memory.h>

#include "fakexen/fakexen.h"

#define HELPER_NTHREADS 4
#define HELPER_NRANGES 200
#define HELPER_ID 3
#define HELPER_PAGE 4096

static xendevicemodel_handle *dmod;
static int driver = -1;
static int scope = -1;
static unsigned int domid = 5;
static int restricted;
static ioreq_t *requests;


static int
helperNumber(const char *str)
{
    return str ? strtol(str, NULL, 0) : 0;
}


/* Map many BARs and unmap every second one, with the board's in between. */
static void *
helperThread(void *opaque)
{
    uint64_t base = 0x80000000ull + (uintptr_t)opaque * 0x10000000ull;
    unsigned int i;

    for (i = 0; i < HELPER_NRANGES; i++) {
        uint64_t first = base + i * 0x1000;

        xendevicemodel_map_io_range_to_ioreq_server(dmod, domid, HELPER_ID, 1, first, first + 0xfff);
        xendevicemodel_map_io_range_to_ioreq_server(dmod, domid, HELPER_ID, 1, 0xfed00000, 0xfed003ff);
        if (i % 2)
            xendevicemodel_unmap_io_range_from_ioreq_server(dmod, domid, HELPER_ID, 1, first, first + 0xfff);
    }

    return NULL;
}


static int
helperThreads(void)
{
    pthread_t threads[HELPER_NTHREADS];
    uintptr_t i;

    fakeXenDeviceModelQuiet(1);
    for (i = 0; i < HELPER_NTHREADS; i++)
        pthread_create(&threads[i], NULL, helperThread, (void *)i);
    for (i = 0; i < HELPER_NTHREADS; i++)
        pthread_join(threads[i], NULL);
    fakeXenDeviceModelQuiet(0);

    return fakeXenDeviceModelMapped();
}


/* Print what the library has reported since the last time. */
static int
helperReports(void)
{
    char buf[1024];
    ssize_t len = recv(driver, buf, sizeof(buf) - 1, MSG_DONTWAIT);
    char *save = NULL;
    char *line;

    buf[len > 0 ? len : 0] = '\0';
    for (line = strtok_r(buf, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
        printf("  report %s\n", line);

    return 0;
}


/* Fill the library's socket, so that it can't take another byte. */
static int
helperFill(void)
{
    char buf[1024] = "";

    while (send(scope, buf, sizeof(buf), MSG_DONTWAIT) > 0)
        ;
    while (send(scope, buf, 1, MSG_DONTWAIT) > 0)
        ;

    return 0;
}


/* Put something else in the place of the library's socket. */
static int
helperLose(void)
{
    int fd = open("/dev/null", O_RDWR);

    return dup2(fd, scope) < 0 || close(fd) < 0 ? -1 : 0;
}


static int
helperEnv(void)
{
    printf("  LD_PRELOAD %s, LIBVIRT_DEVICEMODEL_SCOPE %s, socket %s\n",
           getenv("LD_PRELOAD") ? "set" : "unset",
           getenv("LIBVIRT_DEVICEMODEL_SCOPE") ? "set" : "unset",
           fcntl(scope, F_GETFD) & FD_CLOEXEC ? "closed on exec" : "inherited");
    return 0;
}


/* A file that is open under a number and has been written to. */
static int
helperHold(int number)
{
    int fd = memfd_create("held", 0);

    return dup2(fd, number) < 0 || close(fd) < 0 ||
           write(number, "old data", 8) != 8 ? -1 : 0;
}


/* What is in it, and where it will be written to next. */
static int
helperContent(int number)
{
    char buf[64] = "";

    if (pread(number, buf, sizeof(buf) - 1, 0) < 0)
        return -1;

    printf("  '%s' at %d\n", buf, (int)lseek(number, 0, SEEK_CUR));
    return 0;
}


/* Open a file, write to it if it can be written to, and close it. */
static int
helperFile(char **w,
           int *rc)
{
    FILE *stream;

    if (strcmp(w[0], "fopen") == 0)
        stream = fopen(w[1], w[2]);
    else if (strcmp(w[0], "fopen64") == 0)
        stream = fopen64(w[1], w[2]);
    else
        return -1;

    *rc = stream && (!w[3] || fputs(w[3], stream) >= 0) && fclose(stream) == 0 ? 0 : -1;
    return 0;
}


/* Truncate a file that is open, or a pipe that is made, to the length that is named. */
static int
helperTruncate(char **w,
               int *rc)
{
    int fds[2] = { -1, -1 };
    int fd;

    if (strcmp(w[0], "ftruncate") != 0 && strcmp(w[0], "ftruncate64") != 0)
        return -1;

    if (strcmp(w[1], "pipe") == 0 && pipe(fds) < 0)
        return -1;

    fd = fds[1] >= 0 ? fds[1] : atoi(w[1]);
    *rc = strcmp(w[0], "ftruncate") == 0 ? ftruncate(fd, atoi(w[2])) : ftruncate64(fd, atoi(w[2]));

    if (fds[0] >= 0) {
        int saved = errno;

        close(fds[0]);
        close(fds[1]);
        errno = saved;
    }
    return 0;
}


/* Make a file of each kind, which stdin names by a letter as ls(1) does. */
static int
helperMake(const char *type,
           const char *path)
{
    if (!type || !path) {
        errno = EINVAL;
        return -1;
    }

    switch (*type) {
    case 'd':
        return mkdir(path, 0700);
    case 'l':
        return symlink("/", path);
    case 'b':
        return mknod(path, S_IFBLK | 0600, 0);
    case 'c':
        return mknod(path, S_IFCHR | 0600, 0);
    case 'p':
        return mknod(path, S_IFIFO | 0600, 0);
    case 's':
        return mknod(path, S_IFSOCK | 0600, 0);
    default:
        return mknod(path, S_IFREG | 0600, 0);
    }
}


static int
helperTerminal(void)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    int slave;

    if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0 ||
        (slave = open(ptsname(master), O_RDWR | O_NOCTTY)) < 0)
        return -1;

    close(slave);
    return close(master);
}


/* What the process may still do to the tree of files. */
static int
helperTree(char **w,
           int *rc)
{
    const char *path = w[1] ? w[1] : "";

    if (strcmp(w[0], "make") == 0)
        *rc = helperMake(w[1], w[2]);
    else if (strcmp(w[0], "remove-file") == 0)
        *rc = unlink(path);
    else if (strcmp(w[0], "remove-folder") == 0)
        *rc = rmdir(path);
    else if (strcmp(w[0], "truncate") == 0)
        *rc = truncate(path, 0);
    else if (strcmp(w[0], "make-terminal") == 0)
        *rc = helperTerminal();
    else
        return -1;

    return 0;
}


/* What the process may still do, whatever the scope library stands before. */
static int
helperJail(char **w,
           int *rc)
{
    const char *path = w[1] ? w[1] : "";
    int fd = -1;

    if (strcmp(w[0], "privs") == 0) {
        *rc = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
    } else if (strcmp(w[0], "socket") == 0) {
        *rc = fd = socket(AF_UNIX, SOCK_STREAM, 0);
    } else if (strcmp(w[0], "write-file") == 0) {
        *rc = fd = open(path, O_WRONLY);
    } else if (strcmp(w[0], "read-file") == 0) {
        *rc = fd = open(path, O_RDONLY);
    } else {
        return -1;
    }

    /* its number says nothing */
    if (fd >= 0)
        *rc = close(fd);

    return 0;
}


/* What a test says and asks outside of the emulator's calls. */
static int
helperControl(char **w,
              int *rc)
{
    if (strcmp(w[0], "say") == 0) {
        *rc = dprintf(driver, "%s\n", w[1] ? w[1] : "") < 0 ? -1 : 0;
    } else if (strcmp(w[0], "mumble") == 0) {
        *rc = dprintf(driver, "%s", w[1] ? w[1] : "") < 0 ? -1 : 0;
    } else if (strcmp(w[0], "reports") == 0) {
        *rc = helperReports();
    } else if (strcmp(w[0], "gone") == 0) {
        *rc = close(driver);
    } else if (strcmp(w[0], "fill") == 0) {
        *rc = helperFill();
    } else if (strcmp(w[0], "lose") == 0) {
        *rc = helperLose();
    } else if (strcmp(w[0], "env") == 0) {
        *rc = helperEnv();
    } else if (strcmp(w[0], "hold") == 0) {
        *rc = helperHold(helperNumber(w[1]));
    } else if (strcmp(w[0], "content") == 0) {
        *rc = helperContent(helperNumber(w[1]));
    } else if (strcmp(w[0], "fail") == 0) {
        *rc = 0;
        fakeXenDeviceModelFail(helperNumber(w[1]));
    } else if (strcmp(w[0], "threads") == 0) {
        *rc = helperThreads();
    } else {
        return -1;
    }

    return 0;
}


static int
helperRange(char **w,
            int *rc)
{
    int mmio = w[1] && strcmp(w[1], "mmio") == 0;
    uint64_t first = w[1] && w[2] ? strtoull(w[2], NULL, 16) : 0;
    uint64_t last = w[1] && w[2] && w[3] ? strtoull(w[3], NULL, 16) : 0;

    if (strcmp(w[0], "map") == 0)
        *rc = xendevicemodel_map_io_range_to_ioreq_server(dmod, domid, HELPER_ID, mmio, first, last);
    else if (strcmp(w[0], "unmap") == 0)
        *rc = xendevicemodel_unmap_io_range_from_ioreq_server(dmod, domid, HELPER_ID, mmio, first, last);
    else
        return -1;

    return 0;
}


static int
helperXen(char **w,
          int *rc)
{
    int n[5] = { 0 };
    size_t i;

    for (i = 1; i <= 4 && w[i]; i++)
        n[i] = helperNumber(w[i]);

    if (strcmp(w[0], "open") == 0) {
        *rc = (dmod = xendevicemodel_open(NULL, 0)) ? 0 : -1;
    } else if (strcmp(w[0], "create") == 0) {
        ioservid_t id = 0;

        if ((*rc = xendevicemodel_create_ioreq_server(dmod, n[1], 2, &id)) == 0)
            *rc = id;
    } else if (strcmp(w[0], "state") == 0) {
        *rc = xendevicemodel_set_ioreq_server_state(dmod, domid, HELPER_ID, n[1]);
    } else if (strcmp(w[0], "pcimap") == 0) {
        *rc = xendevicemodel_map_pcidev_to_ioreq_server(dmod, domid, HELPER_ID, n[1], n[2], n[3], n[4]);
    } else if (strcmp(w[0], "pciunmap") == 0) {
        *rc = xendevicemodel_unmap_pcidev_from_ioreq_server(dmod, domid, HELPER_ID, n[1], n[2], n[3], n[4]);
    } else if (strcmp(w[0], "intx") == 0) {
        *rc = xendevicemodel_set_pci_intx_level(dmod, domid, n[1], n[2], n[3], n[4], 1);
    } else if (strcmp(w[0], "irq") == 0) {
        *rc = xendevicemodel_set_isa_irq_level(dmod, domid, n[1], n[2]);
    } else if (strcmp(w[0], "route") == 0) {
        *rc = xendevicemodel_set_pci_link_route(dmod, domid, n[1], n[2]);
    } else if (strcmp(w[0], "memtype") == 0) {
        *rc = xendevicemodel_set_mem_type(dmod, domid, n[1], n[2], n[3]);
    } else if (strcmp(w[0], "msi") == 0) {
        *rc = xendevicemodel_inject_msi(dmod, domid, n[1], n[2]);
    } else if (strcmp(w[0], "shutdown") == 0) {
        *rc = xendevicemodel_shutdown(dmod, domid, n[1]);
    } else if (strcmp(w[0], "restrict") == 0) {
        *rc = xentoolcore_restrict_all(n[1]);
        restricted |= *rc == 0;
    } else {
        return -1;
    }

    return 0;
}


/* As QEMU maps the page of requests, the second of two, and binds the port of a vCPU:
 * those of the first three are 107 to 109.  A page may be asked for in other ways. */
static int
helperMapRequests(char **w)
{
    unsigned int type = w[1] ? helperNumber(w[1]) : XENMEM_resource_ioreq_server;
    unsigned int dom = w[1] && w[2] ? helperNumber(w[2]) : 5;
    unsigned int frame = w[1] && w[2] && w[3] ? helperNumber(w[3]) : 0;
    unsigned int nframes = frame > 0 ? 1 : 2;
    void *pages = NULL;
    size_t i;

    if (!xenforeignmemory_map_resource(NULL, dom, type, HELPER_ID, frame, nframes, &pages,
                                       PROT_READ | PROT_WRITE, 0))
        return -1;

    if (frame < 2) {
        requests = (ioreq_t *)((char *)pages + (1 - frame) * HELPER_PAGE);
        for (i = 0; i < 3; i++)
            requests[i].vp_eport = 107 + i;
    }

    return 0;
}


/* A write that waits at a vCPU, to a port, or with a function (slot * 8 + function) to
 * its configuration space. */
static void
helperWait(ioreq_t *request,
           const char *address,
           unsigned int size,
           unsigned int data,
           const char *devfn)
{
    request->type = devfn ? IOREQ_TYPE_PCI_CONFIG : IOREQ_TYPE_PIO;
    request->addr = address ? strtoull(address, NULL, 0) : 0;
    request->addr |= devfn ? strtoull(devfn, NULL, 0) << 32 : 0;
    request->size = size;
    request->data = data;
    request->count = 1;
    request->dir = IOREQ_WRITE;
    request->state = STATE_IOREQ_READY;
}


/* A write of so many times so many bytes into the memory of a device. */
static void
helperStoreWait(ioreq_t *request,
                char **w)
{
    helperWait(request, w[2], helperNumber(w[3]), helperNumber(w[4]), NULL);
    request->type = IOREQ_TYPE_COPY;
    request->count = helperNumber(w[5]);
}


static int
helperShow(const ioreq_t *request)
{
    printf("  %s, %u times %u bytes, %#" PRIx64 "\n",
           request->type == IOREQ_TYPE_COPY ? "memory" : "no memory",
           request->count, request->size, request->data);
    return 0;
}


/* An event has come, as QEMU sees it: it unmasks the port that it is told. */
static int
helperLook(unsigned int port)
{
    xenevtchn_port_or_error_t told;

    fakeXenEvtchnRaise(port);
    if ((told = xenevtchn_pending(NULL)) < 0)
        return -1;

    return xenevtchn_unmask(NULL, told);
}


/* What QEMU and the vCPU do with a request, step by step: served is QEMU's, taken is the
 * vCPU's. */
static int
helperRequest(char **w,
              int *rc)
{
    unsigned int vcpu = w[1] ? helperNumber(w[1]) : 0;

    *rc = 0;
    if (strcmp(w[0], "requests") == 0)
        *rc = helperMapRequests(w);
    else if (strcmp(w[0], "bind") == 0)
        *rc = xenevtchn_bind_interdomain(NULL, domid, helperNumber(w[1]));
    else if (strcmp(w[0], "wait") == 0)
        helperWait(&requests[vcpu], w[2], helperNumber(w[3]), helperNumber(w[4]), w[5]);
    else if (strcmp(w[0], "store") == 0)
        helperStoreWait(&requests[vcpu], w);
    else if (strcmp(w[0], "shows") == 0)
        *rc = helperShow(&requests[vcpu]);
    else if (strcmp(w[0], "asks") == 0)
        *rc = requests[vcpu].data;
    else if (strcmp(w[0], "look") == 0)
        *rc = helperLook(helperNumber(w[1]));
    else if (strcmp(w[0], "served") == 0)
        requests[vcpu].state = STATE_IORESP_READY;
    else if (strcmp(w[0], "taken") == 0)
        requests[vcpu].state = STATE_IOREQ_NONE;
    else if (strcmp(w[0], "notify") == 0)
        *rc = xenevtchn_notify(NULL, helperNumber(w[1]));
    else
        return -1;

    return 0;
}


static int
helperStore(char **w,
            int *rc)
{
    const char *token = w[1] && w[2] ? w[2] : "";
    struct xs_permissions perms = { .id = 0 };
    unsigned int len;
    void *got = NULL;
    bool ok;

    if (strcmp(w[0], "directory") == 0)
        ok = (got = xs_directory(NULL, 0, w[1], &len));
    else if (strcmp(w[0], "read") == 0)
        ok = (got = xs_read(NULL, 0, w[1], &len));
    else if (strcmp(w[0], "write") == 0)
        ok = xs_write(NULL, 0, w[1], token, strlen(token));
    else if (strcmp(w[0], "mkdir") == 0)
        ok = xs_mkdir(NULL, 0, w[1]);
    else if (strcmp(w[0], "rm") == 0)
        ok = xs_rm(NULL, 0, w[1]);
    else if (strcmp(w[0], "permissions") == 0)
        ok = xs_set_permissions(NULL, 0, w[1], &perms, 1);
    else if (strcmp(w[0], "watch") == 0)
        ok = xs_watch(NULL, w[1], token);
    else if (strcmp(w[0], "unwatch") == 0)
        ok = xs_unwatch(NULL, w[1], token);
    else
        return -1;

    free(got);
    *rc = ok ? 0 : -1;
    return 0;
}


int
main(int argc,
     char **argv)
{
    char line[256];

    if (argc != 3) {
        fprintf(stderr, "usage: %s DRIVER-FD LIBRARY-FD <CALLS\n", argv[0]);
        return EXIT_FAILURE;
    }

    driver = atoi(argv[1]);
    scope = atoi(argv[2]);

    while (fgets(line, sizeof(line), stdin)) {
        char *w[8] = { NULL };
        char *save = NULL;
        size_t n = 0;
        int rc = -1;

        line[strcspn(line, "\n")] = '\0';
        printf("%s\n", line);

        for (w[0] = strtok_r(line, " ", &save); n < 6 && w[n];)
            w[++n] = strtok_r(NULL, " ", &save);

        if (!w[0])
            continue;

        errno = 0;
        if (helperControl(w, &rc) < 0 && helperJail(w, &rc) < 0 && helperTree(w, &rc) < 0 &&
            helperRange(w, &rc) < 0 && helperFile(w, &rc) < 0 && helperTruncate(w, &rc) < 0 &&
            helperXen(w, &rc) < 0 &&
            helperRequest(w, &rc) < 0 && helperStore(w, &rc) < 0) {
            fprintf(stderr, "unknown call '%s'\n", line);
            return EXIT_FAILURE;
        }

        if (rc < 0)
            printf("  = %s\n", strerror(errno));
        else if (rc > 0)
            printf("  = %d\n", rc);
    }

    /* At exit LeakSanitizer has itself traced, which the filter refuses. */
    if (restricted && fflush(stdout) == 0)
        _exit(EXIT_SUCCESS);

    return EXIT_SUCCESS;
}
