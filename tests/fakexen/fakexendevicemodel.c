/*
 * fakexendevicemodel.c: a stand-in for libxendevicemodel
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Prints the calls that reach it.  Ranges are kept as Xen keeps them: mapping
 * what overlaps a mapped range fails with EEXIST, unmapping what is not mapped
 * exactly so with ENOENT.
 */

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>

#include <xendevicemodel.h>

#include "fakexen.h"

#define FAKE_NRANGES 4096
#define FAKE_IOREQ_SERVER 3

static struct {
    int mmio;
    uint64_t first;
    uint64_t last;
} fakeRanges[FAKE_NRANGES];
static unsigned int fakeNRanges;
static pthread_mutex_t fakeLock = PTHREAD_MUTEX_INITIALIZER;
static int fakeErrno;
static int fakeQuiet;
static int fakeHandle;


void
fakeXenDeviceModelFail(int err)
{
    fakeErrno = err;
}


void
fakeXenDeviceModelQuiet(int quiet)
{
    fakeQuiet = quiet;
}


unsigned int
fakeXenDeviceModelMapped(void)
{
    return fakeNRanges;
}


static int
fakeResult(void)
{
    int err = fakeErrno;

    fakeErrno = 0;
    if (!err)
        return 0;

    errno = err;
    return -1;
}


xendevicemodel_handle *
xendevicemodel_open(struct xentoollog_logger *logger __attribute__((unused)),
                    unsigned int open_flags __attribute__((unused)))
{
    printf("  xen open\n");
    return fakeResult() < 0 ? NULL : (xendevicemodel_handle *)&fakeHandle;
}


int
xendevicemodel_create_ioreq_server(xendevicemodel_handle *dmod __attribute__((unused)),
                                   domid_t domid,
                                   int handle_bufioreq,
                                   ioservid_t *id)
{
    printf("  xen create %u %d\n", domid, handle_bufioreq);
    *id = FAKE_IOREQ_SERVER;
    return fakeResult();
}


int
xendevicemodel_set_ioreq_server_state(xendevicemodel_handle *dmod __attribute__((unused)),
                                      domid_t domid,
                                      ioservid_t id,
                                      int enabled)
{
    printf("  xen state %u %u %d\n", domid, id, enabled);
    return fakeResult();
}


static int
fakeMap(int mmio,
        uint64_t first,
        uint64_t last)
{
    unsigned int i;

    for (i = 0; i < fakeNRanges; i++) {
        if (fakeRanges[i].mmio == mmio &&
            fakeRanges[i].first <= last && fakeRanges[i].last >= first) {
            errno = EEXIST;
            return -1;
        }
    }

    if (fakeNRanges == FAKE_NRANGES) {
        errno = ENOSPC;
        return -1;
    }

    fakeRanges[fakeNRanges].mmio = mmio;
    fakeRanges[fakeNRanges].first = first;
    fakeRanges[fakeNRanges].last = last;
    fakeNRanges++;
    return 0;
}


static int
fakeUnmap(int mmio,
          uint64_t first,
          uint64_t last)
{
    unsigned int i;

    for (i = 0; i < fakeNRanges; i++) {
        if (fakeRanges[i].mmio == mmio &&
            fakeRanges[i].first == first && fakeRanges[i].last == last) {
            fakeRanges[i] = fakeRanges[--fakeNRanges];
            return 0;
        }
    }

    errno = ENOENT;
    return -1;
}


static int
fakeRangeCall(const char *what,
              int (*call)(int mmio, uint64_t first, uint64_t last),
              domid_t domid,
              ioservid_t id,
              int mmio,
              uint64_t first,
              uint64_t last)
{
    int rc;

    pthread_mutex_lock(&fakeLock);
    if (!fakeQuiet)
        printf("  xen %s %u %u %s 0x%" PRIx64 "-0x%" PRIx64 "\n",
               what, domid, id, mmio ? "mmio" : "pio", first, last);
    if ((rc = fakeResult()) == 0)
        rc = call(mmio, first, last);
    pthread_mutex_unlock(&fakeLock);

    return rc;
}


int
xendevicemodel_map_io_range_to_ioreq_server(xendevicemodel_handle *dmod __attribute__((unused)),
                                            domid_t domid,
                                            ioservid_t id,
                                            int is_mmio,
                                            uint64_t start,
                                            uint64_t end)
{
    return fakeRangeCall("map", fakeMap, domid, id, is_mmio, start, end);
}


int
xendevicemodel_unmap_io_range_from_ioreq_server(xendevicemodel_handle *dmod __attribute__((unused)),
                                                domid_t domid,
                                                ioservid_t id,
                                                int is_mmio,
                                                uint64_t start,
                                                uint64_t end)
{
    return fakeRangeCall("unmap", fakeUnmap, domid, id, is_mmio, start, end);
}


int
xendevicemodel_map_pcidev_to_ioreq_server(xendevicemodel_handle *dmod __attribute__((unused)),
                                          domid_t domid,
                                          ioservid_t id,
                                          uint16_t segment,
                                          uint8_t bus,
                                          uint8_t device,
                                          uint8_t function)
{
    printf("  xen pcimap %u %u %u:%u:%u.%u\n", domid, id, segment, bus, device, function);
    return fakeResult();
}


int
xendevicemodel_unmap_pcidev_from_ioreq_server(xendevicemodel_handle *dmod __attribute__((unused)),
                                              domid_t domid,
                                              ioservid_t id,
                                              uint16_t segment,
                                              uint8_t bus,
                                              uint8_t device,
                                              uint8_t function)
{
    printf("  xen pciunmap %u %u %u:%u:%u.%u\n", domid, id, segment, bus, device, function);
    return fakeResult();
}


int
xendevicemodel_set_pci_intx_level(xendevicemodel_handle *dmod __attribute__((unused)),
                                  domid_t domid,
                                  uint16_t segment,
                                  uint8_t bus,
                                  uint8_t device,
                                  uint8_t intx,
                                  unsigned int level)
{
    printf("  xen intx %u %u:%u:%u %u %u\n", domid, segment, bus, device, intx, level);
    return fakeResult();
}


int
xendevicemodel_set_isa_irq_level(xendevicemodel_handle *dmod __attribute__((unused)),
                                 domid_t domid,
                                 uint8_t irq,
                                 unsigned int level)
{
    printf("  xen irq %u %u %u\n", domid, irq, level);
    return fakeResult();
}


int
xendevicemodel_set_pci_link_route(xendevicemodel_handle *dmod __attribute__((unused)),
                                  domid_t domid,
                                  uint8_t link,
                                  uint8_t irq)
{
    printf("  xen route %u %u %u\n", domid, link, irq);
    return fakeResult();
}


int
xendevicemodel_set_mem_type(xendevicemodel_handle *dmod __attribute__((unused)),
                            domid_t domid,
                            hvmmem_type_t mem_type,
                            uint64_t first_pfn,
                            uint32_t nr)
{
    printf("  xen memtype %u %u 0x%" PRIx64 " %u\n", domid, mem_type, first_pfn, nr);
    return fakeResult();
}


int
xendevicemodel_inject_msi(xendevicemodel_handle *dmod __attribute__((unused)),
                          domid_t domid,
                          uint64_t msi_addr,
                          uint32_t msi_data)
{
    printf("  xen msi %u 0x%" PRIx64 " 0x%x\n", domid, msi_addr, msi_data);
    return fakeResult();
}


int
xendevicemodel_shutdown(xendevicemodel_handle *dmod __attribute__((unused)),
                        domid_t domid,
                        unsigned int reason)
{
    printf("  xen shutdown %u %u\n", domid, reason);
    return fakeResult();
}
