/*
 * libxldevicemodelioreqtest.c: how a guest is freed of a secondary that has ended, and
 * seen to wait for one
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Xen is a stand-in here: a domain, its ioreq servers with the requests of its vCPUs, and
 * a log of the calls.  A vCPU that is notified takes the answer of its request, as Xen's
 * does.  A call fails where a test says so, with the errno that the test names.
 */

#include <config.h>

#include <xendevicemodel.h>
#include <xenevtchn.h>
#include <xenforeignmemory.h>
#include <xen/hvm/ioreq.h>
#include <xen/memory.h>

#include "testutils.h"
#include "conf/domain_devicemodel.h"
#include "libxl/libxl_devicemodel_ioreq.h"
#include "virbuffer.h"

#define VIR_FROM_THIS VIR_FROM_NONE

/* Both are Xen's MAX_NR_IOREQ_SERVERS. */
G_STATIC_ASSERT(LIBXL_DEVICE_MODEL_IOREQ_SERVERS == VIR_DOMAIN_DEVICE_MODEL_MAX);

#define TEST_DOMID 7
#define TEST_SERVER 2 /* of the secondary */
#define TEST_NEW_SERVER 3 /* the next that is created */
#define TEST_VCPUS_MAX 300

/* of a process that was taken over: no state of Xen's */
#define TEST_STATE_WEIRD 9

typedef struct _testXenFailure testXenFailure;
struct _testXenFailure {
    const char *call;
    unsigned int number; /* which of these calls, from 1, or 0 for all */
    int err;
};

typedef struct _testXenState testXenState;
struct _testXenState {
    virBuffer log;
    const testXenFailure *failures;
    unsigned int ncalls[16]; /* for each of the failures */
    unsigned int vcpus;
    ioreq_t requests[LIBXL_DEVICE_MODEL_IOREQ_SERVERS][TEST_VCPUS_MAX];
    unsigned int servers; /* that are there: bit N is set for number N */
    bool late; /* the last vCPU asks each server that is enabled */
    bool paused; /* vCPUs take no answer */
    bool hostile; /* answers are overwritten before they are taken */
    unsigned int taken; /* answers that were all ones */
    unsigned int mistaken; /* others */
    unsigned int nopen;
    unsigned int nmapped;
    unsigned int nbound;
};

static testXenState xen;


G_GNUC_PRINTF(2, 3) static int
testXenCall(const char *call,
            const char *format,
            ...)
{
    va_list args;
    size_t i;

    virBufferAsprintf(&xen.log, "%s", call);
    va_start(args, format);
    virBufferVasprintf(&xen.log, format, args);
    va_end(args);

    for (i = 0; xen.failures && xen.failures[i].call; i++) {
        const testXenFailure *failure = &xen.failures[i];

        if (STRNEQ(failure->call, call))
            continue;

        xen.ncalls[i]++;
        if (failure->number == 0 || failure->number == xen.ncalls[i]) {
            virBufferAsprintf(&xen.log, " %s\n", g_strerror(failure->err));
            errno = failure->err;
            return -1;
        }
    }

    virBufferAddLit(&xen.log, "\n");
    return 0;
}


/* Whatever the call gives, its handle is this one. */
static void *
testXenOpen(const char *library)
{
    if (testXenCall("open", " %s", library) < 0)
        return NULL;

    xen.nopen++;
    return &xen;
}


static int
testXenClose(void)
{
    xen.nopen--;
    return 0;
}


xendevicemodel_handle *
xendevicemodel_open(struct xentoollog_logger *logger G_GNUC_UNUSED,
                    unsigned int flags G_GNUC_UNUSED)
{
    return testXenOpen("devicemodel");
}


int
xendevicemodel_close(xendevicemodel_handle *h G_GNUC_UNUSED)
{
    return testXenClose();
}


xenforeignmemory_handle *
xenforeignmemory_open(struct xentoollog_logger *logger G_GNUC_UNUSED,
                      unsigned int flags G_GNUC_UNUSED)
{
    return testXenOpen("foreignmemory");
}


int
xenforeignmemory_close(xenforeignmemory_handle *h G_GNUC_UNUSED)
{
    return testXenClose();
}


xenevtchn_handle *
xenevtchn_open(struct xentoollog_logger *logger G_GNUC_UNUSED,
               unsigned int flags G_GNUC_UNUSED)
{
    return testXenOpen("evtchn");
}


int
xenevtchn_close(xenevtchn_handle *h G_GNUC_UNUSED)
{
    return testXenClose();
}


int
xendevicemodel_create_ioreq_server(xendevicemodel_handle *h G_GNUC_UNUSED,
                                   domid_t domid,
                                   int bufioreq,
                                   ioservid_t *id)
{
    size_t i;

    if (testXenCall("create", " %u %d", domid, bufioreq) < 0)
        return -1;

    *id = TEST_NEW_SERVER;
    for (i = 0; i < xen.vcpus; i++)
        xen.requests[TEST_NEW_SERVER][i] = (ioreq_t){ .vp_eport = 0 };
    return 0;
}


int
xendevicemodel_get_ioreq_server_info(xendevicemodel_handle *h G_GNUC_UNUSED,
                                     domid_t domid,
                                     ioservid_t id,
                                     xen_pfn_t *frame G_GNUC_UNUSED,
                                     xen_pfn_t *bufferedFrame G_GNUC_UNUSED,
                                     evtchn_port_t *bufferedPort G_GNUC_UNUSED)
{
    if (testXenCall("info", " %u %u", domid, id) < 0)
        return -1;

    if (xen.servers & (1U << id))
        return 0;

    errno = ENOENT;
    return -1;
}


/* Those of server 2 are 100 and up, of server 3 200 and up. */
static evtchn_port_t
testXenPort(ioservid_t id,
            unsigned int vcpu)
{
    return (id - 1) * 100 + vcpu;
}


int
xendevicemodel_set_ioreq_server_state(xendevicemodel_handle *h G_GNUC_UNUSED,
                                      domid_t domid,
                                      ioservid_t id,
                                      int enabled)
{
    size_t i;

    if (testXenCall(enabled ? "enable" : "disable", " %u %u", domid, id) < 0)
        return -1;

    for (i = 0; enabled && i < xen.vcpus; i++)
        xen.requests[id][i].vp_eport = testXenPort(id, i);
    if (enabled && xen.late)
        xen.requests[id][xen.vcpus - 1].state = STATE_IOREQ_READY;
    return 0;
}


int
xendevicemodel_destroy_ioreq_server(xendevicemodel_handle *h G_GNUC_UNUSED,
                                    domid_t domid,
                                    ioservid_t id)
{
    return testXenCall("destroy", " %u %u", domid, id);
}


int
xendevicemodel_nr_vcpus(xendevicemodel_handle *h G_GNUC_UNUSED,
                        domid_t domid,
                        unsigned int *vcpus)
{
    *vcpus = xen.vcpus;
    return testXenCall("vcpus", " %u", domid);
}


int
xendevicemodel_set_pci_intx_level(xendevicemodel_handle *h G_GNUC_UNUSED,
                                  domid_t domid,
                                  uint16_t segment,
                                  uint8_t bus,
                                  uint8_t device,
                                  uint8_t intx,
                                  unsigned int level)
{
    return testXenCall("intx", " %u %u:%u:%u %u %u", domid, segment, bus, device, intx, level);
}


int
xendevicemodel_set_isa_irq_level(xendevicemodel_handle *h G_GNUC_UNUSED,
                                 domid_t domid,
                                 uint8_t irq,
                                 unsigned int level)
{
    return testXenCall("irq", " %u %u %u", domid, irq, level);
}


xenforeignmemory_resource_handle *
xenforeignmemory_map_resource(xenforeignmemory_handle *h G_GNUC_UNUSED,
                              domid_t domid,
                              unsigned int type,
                              unsigned int id,
                              unsigned long frame,
                              unsigned long frames,
                              void **paddr,
                              int prot,
                              int flags)
{
    if (testXenCall("map", " %u %u %u %lu %lu %d %d", domid, type, id, frame, frames,
                    prot, flags) < 0)
        return NULL;

    xen.nmapped++;
    *paddr = xen.requests[id];
    return (xenforeignmemory_resource_handle *)&xen;
}


int
xenforeignmemory_unmap_resource(xenforeignmemory_handle *h G_GNUC_UNUSED,
                                xenforeignmemory_resource_handle *mapping G_GNUC_UNUSED)
{
    xen.nmapped--;
    return testXenCall("unmap", "%s", "");
}


/* The port here is that of the guest, plus 1000. */
int
xenevtchn_bind_interdomain(xenevtchn_handle *h G_GNUC_UNUSED,
                           uint32_t domid,
                           evtchn_port_t port)
{
    if (testXenCall("bind", " %u %u", domid, port) < 0)
        return -1;

    xen.nbound++;
    return 1000 + port;
}


int
xenevtchn_unbind(xenevtchn_handle *h G_GNUC_UNUSED,
                 evtchn_port_t port)
{
    xen.nbound--;
    return testXenCall("unbind", " %u", port);
}


/* An answer is taken by whom it is for, whatever the page says. */
static void
testXenTake(ioreq_t *request)
{
    if (request->state != STATE_IORESP_READY)
        return;

    if (xen.hostile) {
        request->state = STATE_IOREQ_READY;
        return;
    }

    if (request->data == ~0ULL)
        xen.taken++;
    else
        xen.mistaken++;
    request->state = STATE_IOREQ_NONE;
}


int
xenevtchn_notify(xenevtchn_handle *h G_GNUC_UNUSED,
                 evtchn_port_t port)
{
    size_t id;
    size_t i;

    if (testXenCall("notify", " %u", port) < 0)
        return -1;

    for (id = 1; id < LIBXL_DEVICE_MODEL_IOREQ_SERVERS && !xen.paused; id++) {
        for (i = 0; i < xen.vcpus; i++) {
            if (testXenPort(id, i) + 1000 == port)
                testXenTake(&xen.requests[id][i]);
        }
    }

    return 0;
}


static void
testXenInit(unsigned int vcpus,
            const testXenFailure *failures)
{
    size_t id;
    size_t i;

    virBufferFreeAndReset(&xen.log);
    memset(&xen, 0, sizeof(xen));
    xen.vcpus = vcpus;
    xen.failures = failures;

    for (id = 1; id < LIBXL_DEVICE_MODEL_IOREQ_SERVERS; id++) {
        for (i = 0; i < vcpus; i++) {
            xen.requests[id][i] = (ioreq_t){ .addr = 0x1f7, .data = 0x1234,
                                             .vp_eport = testXenPort(id, i) };
        }
    }
}


static int
testXenCheck(const char *calls)
{
    if (xen.nopen != 0 || xen.nmapped != 0 || xen.nbound != 0) {
        VIR_TEST_VERBOSE("%u connections, %u mappings and %u ports are left",
                         xen.nopen, xen.nmapped, xen.nbound);
        return -1;
    }

    return calls ? virTestCompareToString(calls, NULLSTR_EMPTY(virBufferCurrentContent(&xen.log)))
                 : 0;
}


static int
testResultCheck(const libxlDeviceModelIoreqResult *result,
                int rc,
                const char *expected)
{
    g_autofree char *actual = g_strdup_printf("%d: gone %d, answered %u, untaken %u, woken %d, %s: %s\n",
                                              rc, result->gone, result->answered, result->untaken,
                                              result->woken, NULLSTR(result->failed),
                                              g_strerror(result->err));

    return virTestCompareToString(expected, actual);
}


struct testIoreqData {
    unsigned int states[4]; /* of the requests of four vCPUs */
    unsigned int ports[4]; /* that the process wrote there, or 0 for the true one */
    unsigned int servers; /* that are there: bit N is set for number N */
    unsigned int keep;
    bool late;
    bool paused;
    bool hostile;
    bool copied;
    unsigned int slots;
    unsigned int irqs;
    testXenFailure failures[4];
    const char *result;
    unsigned int taken;
    unsigned int mistaken;
    unsigned int nready;
    long long us; /* how long it takes at least */
    const char *calls;
};


/* Each server has the same requests. */
static void
testIoreqInit(const struct testIoreqData *data)
{
    size_t id;
    size_t i;

    testXenInit(G_N_ELEMENTS(data->states), data->failures);
    xen.servers = data->servers;
    xen.late = data->late;
    xen.paused = data->paused;
    xen.hostile = data->hostile;

    for (id = 1; id < LIBXL_DEVICE_MODEL_IOREQ_SERVERS; id++) {
        for (i = 0; i < G_N_ELEMENTS(data->states); i++) {
            xen.requests[id][i].state = data->states[i];
            if (data->ports[i])
                xen.requests[id][i].vp_eport = data->ports[i];
        }
    }
}


static int
testIoreqCheck(const struct testIoreqData *data,
               const libxlDeviceModelIoreqResult *result,
               int rc)
{
    if (testResultCheck(result, rc, data->result) < 0 ||
        testXenCheck(data->calls) < 0)
        return -1;

    if (xen.taken != data->taken || xen.mistaken != data->mistaken) {
        VIR_TEST_VERBOSE("vCPUs took %u answers with all ones and %u others, expected %u and %u",
                         xen.taken, xen.mistaken, data->taken, data->mistaken);
        return -1;
    }

    /* a machine may be slow, but not as slow as one that waits without a limit */
    if (result->us < data->us || result->us > data->us + 10 * 1000 * 1000) {
        VIR_TEST_VERBOSE("it took %lld us, expected %lld", result->us, data->us);
        return -1;
    }

    return 0;
}


static int
testRelease(const void *opaque)
{
    const struct testIoreqData *data = opaque;
    libxlDeviceModelIoreq ioreq = { TEST_DOMID, TEST_SERVER, data->slots, data->irqs, data->copied };
    libxlDeviceModelIoreqResult result;

    testIoreqInit(data);
    return testIoreqCheck(data, &result, libxlDeviceModelIoreqRelease(&ioreq, &result));
}


/* Only what nobody has looked at is copied, and nobody is woken. */
static int
testCopyReady(const void *opaque)
{
    const struct testIoreqData *data = opaque;
    libxlDeviceModelIoreq ioreq = { TEST_DOMID, TEST_SERVER, data->slots, data->irqs, data->copied };
    libxlDeviceModelIoreqResult result;
    unsigned int nready = 9;
    ioreq_t ready[2];
    unsigned int i;
    int rc;

    testIoreqInit(data);
    for (i = 0; i < xen.vcpus; i++)
        xen.requests[TEST_SERVER][i].data = i;

    rc = libxlDeviceModelIoreqCopyReady(&ioreq, ready, G_N_ELEMENTS(ready), &nready, &result);
    if (testIoreqCheck(data, &result, rc) < 0)
        return -1;

    for (i = 0; i < nready; i++) {
        if (ready[i].state != STATE_IOREQ_READY || ready[i].addr != 0x1f7 || ready[i].data != i + 1 || ready[i].vp_eport != i + 1)
            return -1;
    }

    return nready == data->nready ? 0 : -1;
}


static int
testHold(const void *opaque)
{
    const struct testIoreqData *data = opaque;
    libxlDeviceModelIoreq ioreq = { TEST_DOMID, TEST_SERVER, data->slots, data->irqs, data->copied };
    libxlDeviceModelIoreqResult result;

    testIoreqInit(data);
    return testIoreqCheck(data, &result, libxlDeviceModelIoreqHold(&ioreq, &result));
}


static int
testCheckServer(const void *opaque)
{
    const struct testIoreqData *data = opaque;
    libxlDeviceModelIoreq ioreq = { .domid = TEST_DOMID, .ioservid = TEST_SERVER };
    libxlDeviceModelIoreqResult result;
    int rc;

    testIoreqInit(data);
    rc = libxlDeviceModelIoreqCheckServer(&ioreq, &result);
    if (rc != (data->failures[0].call ? -1 : data->servers == 1U << TEST_SERVER)) {
        VIR_TEST_VERBOSE("it returns %d", rc);
        return -1;
    }

    return testXenCheck(data->calls);
}


static int
testLower(const void *opaque)
{
    const struct testIoreqData *data = opaque;
    libxlDeviceModelIoreq ioreq = { .domid = TEST_DOMID, .slots = data->slots, .irqs = data->irqs };
    libxlDeviceModelIoreqResult result;

    testIoreqInit(data);
    return testIoreqCheck(data, &result, libxlDeviceModelIoreqLowerInterrupts(&ioreq, &result));
}


static int
testOthers(const void *opaque)
{
    const struct testIoreqData *data = opaque;
    libxlDeviceModelIoreqResult result;

    testIoreqInit(data);
    return testIoreqCheck(data, &result,
                          libxlDeviceModelIoreqReleaseOthers(TEST_DOMID, data->keep, &result));
}


static int
testWake(const void *opaque)
{
    const struct testIoreqData *data = opaque;
    libxlDeviceModelIoreqResult result;
    int rc;

    testXenInit(2, data->failures);
    rc = libxlDeviceModelIoreqWake(TEST_DOMID, &result);

    if (testResultCheck(&result, rc, data->result) < 0)
        return -1;

    return testXenCheck(data->calls);
}


/* A frame has the requests of 128 vCPUs. */
static int
testFrames(const void *opaque G_GNUC_UNUSED)
{
    const unsigned int vcpus[] = { 1, 128, 129, 256, TEST_VCPUS_MAX };
    const char *const frames[] = { "1", "1", "2", "2", "3" };
    libxlDeviceModelIoreq ioreq = { .domid = TEST_DOMID, .ioservid = TEST_SERVER };
    libxlDeviceModelIoreqResult result;
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(vcpus); i++) {
        g_autofree char *map = g_strdup_printf("\nmap 7 0 2 1 %s 3 0\n", frames[i]);

        testXenInit(vcpus[i], NULL);
        xen.requests[TEST_SERVER][vcpus[i] - 1].state = STATE_IOREQ_READY;

        if (libxlDeviceModelIoreqRelease(&ioreq, &result) < 0 ||
            testXenCheck(NULL) < 0)
            return -1;

        if (!strstr(virBufferCurrentContent(&xen.log), map) || xen.taken != 1) {
            VIR_TEST_VERBOSE("%u vCPUs: %u answers were taken, and not '%s' but\n%s",
                             vcpus[i], xen.taken, map, virBufferCurrentContent(&xen.log));
            return -1;
        }
    }

    return 0;
}


/* Numbers that would be others in Xen's types reach nothing of Xen's. */
static int
testNumbers(const void *opaque G_GNUC_UNUSED)
{
    const unsigned int numbers[][2] = {
        { 0, TEST_SERVER },
        { DOMID_FIRST_RESERVED, TEST_SERVER },
        { 0x10000 + TEST_DOMID, TEST_SERVER },
        { TEST_DOMID, 0x10000 + TEST_SERVER },
    };
    libxlDeviceModelIoreqResult result;
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(numbers); i++) {
        libxlDeviceModelIoreq ioreq = { .domid = numbers[i][0], .ioservid = numbers[i][1] };

        testXenInit(1, NULL);
        if (testResultCheck(&result, libxlDeviceModelIoreqRelease(&ioreq, &result),
                            "-1: gone 0, answered 0, untaken 0, woken 0, check: Invalid argument\n") < 0 ||
            testXenCheck("") < 0)
            return -1;
    }

    for (i = 0; i < G_N_ELEMENTS(numbers); i++) {
        libxlDeviceModelIoreq ioreq = { .domid = numbers[i][0], .ioservid = numbers[i][1] };
        unsigned int nready = 9;
        ioreq_t ready;

        if (libxlDeviceModelIoreqCopyReady(&ioreq, &ready, 1, &nready, &result) == 0 ||
            nready != 0 || libxlDeviceModelIoreqHold(&ioreq, &result) == 0)
            return -1;
    }

    if (testResultCheck(&result, libxlDeviceModelIoreqWake(0, &result),
                        "-1: gone 0, answered 0, untaken 0, woken 0, check: Invalid argument\n") < 0 ||
        testResultCheck(&result, libxlDeviceModelIoreqReleaseOthers(0, 0, &result),
                        "-1: gone 0, answered 0, untaken 0, woken 0, check: Invalid argument\n") < 0)
        return -1;

    return testXenCheck("");
}


/* What changes before a look, and what this finds. */
struct testLookStep {
    unsigned int vcpu;
    unsigned int state;
    unsigned int byte; /* of the address */
    const char *failed; /* call that fails */
    libxlDeviceModelIoreqLookResult expected;
};

#define NONE LIBXL_DEVICE_MODEL_IOREQ_LOOK_NONE
#define OTHER LIBXL_DEVICE_MODEL_IOREQ_LOOK_OTHER
#define SAME LIBXL_DEVICE_MODEL_IOREQ_LOOK_SAME

static const struct testLookStep testLookSteps[] = {
    { 0, STATE_IOREQ_NONE, 0, NULL, NONE },
    { 129, STATE_IOREQ_READY, 0, NULL, OTHER }, /* in the second frame */
    { 129, STATE_IOREQ_READY, 0, NULL, SAME },
    { 3, STATE_IOREQ_READY, 0, NULL, SAME }, /* and the first still */
    { 129, STATE_IOREQ_READY, 1, NULL, OTHER }, /* now that of 3 */
    { 3, STATE_IOREQ_READY, 0, NULL, SAME },
    { 3, STATE_IOREQ_INPROCESS, 0, NULL, OTHER }, /* begun with */
    { 3, STATE_IOREQ_INPROCESS, 0, NULL, SAME },
    { 3, STATE_IORESP_READY, 0, NULL, OTHER }, /* answered: that of 129 */
    { 129, STATE_IORESP_READY, 1, NULL, NONE },
    { 129, TEST_STATE_WEIRD, 1, NULL, NONE },
    { 129, STATE_IOREQ_READY, 1, NULL, OTHER },
    { 129, STATE_IOREQ_READY, 1, "map", NONE },
    { 129, STATE_IOREQ_READY, 1, NULL, OTHER }, /* nobody knows what was between */
};


/* Looks change nothing, and leave nothing mapped. */
static int
testLook(const void *opaque G_GNUC_UNUSED)
{
    const libxlDeviceModelIoreq ioreq = { .domid = TEST_DOMID, .ioservid = TEST_SERVER };
    libxlDeviceModelIoreqPending pending = { 0 };
    ioreq_t *requests = xen.requests[TEST_SERVER];
    libxlDeviceModelIoreqViewer *viewer;
    testXenFailure failures[2] = { 0 };
    g_autofree ioreq_t *before = g_new0(ioreq_t, TEST_VCPUS_MAX);
    int ret = 0;
    size_t i;

    testXenInit(130, failures);
    if (!(viewer = libxlDeviceModelIoreqViewerNew()))
        return -1;

    for (i = 0; i < G_N_ELEMENTS(testLookSteps); i++) {
        const struct testLookStep *step = &testLookSteps[i];
        libxlDeviceModelIoreqLookResult result;

        requests[step->vcpu].state = step->state;
        requests[step->vcpu].addr = step->byte;
        failures[0] = (testXenFailure){ step->failed, 0, ENOENT };
        memcpy(before, requests, sizeof(xen.requests[0]));

        result = libxlDeviceModelIoreqLook(viewer, &ioreq, 130, &pending);
        if (result != step->expected || xen.nmapped != 0 ||
            memcmp(before, requests, sizeof(xen.requests[0])) != 0) {
            VIR_TEST_VERBOSE("look %zu finds %d, expected %d, and leaves %u mappings", i, result,
                             step->expected, xen.nmapped);
            ret = -1;
        }
    }

    libxlDeviceModelIoreqViewerFree(viewer);
    if (!STRPREFIX(virBufferCurrentContent(&xen.log), "open foreignmemory\nmap 7 0 2 1 2 1 0\nunmap\nmap ") ||
        strstr(virBufferCurrentContent(&xen.log), "bind")) {
        VIR_TEST_VERBOSE("%s", virBufferCurrentContent(&xen.log));
        ret = -1;
    }

    return testXenCheck(NULL) < 0 ? -1 : ret;
}

#undef SAME
#undef OTHER
#undef NONE


/* A domain with fewer vCPUs than before has no request of the last, and one whose
 * numbers do not fit has none at all. */
static int
testLookNumbers(const void *opaque G_GNUC_UNUSED)
{
    libxlDeviceModelIoreq ioreq = { .domid = TEST_DOMID, .ioservid = 0x10000 + TEST_SERVER };
    libxlDeviceModelIoreqPending last = { .pending = true, .vcpu = 4 };
    ioreq_t *requests = xen.requests[TEST_SERVER];
    libxlDeviceModelIoreqViewer *viewer;
    libxlDeviceModelIoreqLookResult fewer;
    libxlDeviceModelIoreqLookResult other;

    testXenInit(4, NULL);
    requests[4].state = STATE_IOREQ_READY;
    memcpy(last.request, &requests[4], sizeof(last.request));
    if (!(viewer = libxlDeviceModelIoreqViewerNew()))
        return -1;

    other = libxlDeviceModelIoreqLook(viewer, &ioreq, 4, &last);
    last.pending = true;
    ioreq.ioservid = TEST_SERVER;
    fewer = libxlDeviceModelIoreqLook(viewer, &ioreq, 4, &last);
    libxlDeviceModelIoreqViewerFree(viewer);

    if (other != LIBXL_DEVICE_MODEL_IOREQ_LOOK_NONE || fewer != LIBXL_DEVICE_MODEL_IOREQ_LOOK_NONE ||
        last.pending)
        return -1;

    return testXenCheck("open foreignmemory\nmap 7 0 2 1 1 1 0\nunmap\n");
}


static int
testLookNoXen(const void *opaque G_GNUC_UNUSED)
{
    static const testXenFailure failures[] = { { "open", 0, ENOENT }, { 0 } };

    testXenInit(1, failures);
    libxlDeviceModelIoreqViewerFree(NULL);
    if (libxlDeviceModelIoreqViewerNew())
        return -1;

    return testXenCheck("open foreignmemory No such file or directory\n");
}


#define OPEN "open devicemodel\nopen foreignmemory\nopen evtchn\n"
#define NOTIFY(port) "bind 7 " port "\nnotify 1" port "\nunbind 1" port "\n"
#define NOTIFY_ALL NOTIFY("100") NOTIFY("101") NOTIFY("102") NOTIFY("103")
#define DISABLE "disable 7 2"
#define MAP "vcpus 7\nmap 7 0 2 1 1 3 0"
#define PORTS "enable 7 2\ndisable 7 2\n"
#define DESTROY "destroy 7 2"
#define FIND(id) "info 7 " id "\n"
#define OTHER(id, ports) \
    "disable 7 " id "\nvcpus 7\nmap 7 0 " id " 1 1 3 0\nenable 7 " id "\ndisable 7 " id "\n" \
    NOTIFY(ports "0") NOTIFY(ports "1") NOTIFY(ports "2") NOTIFY(ports "3") \
    "destroy 7 " id "\nunmap\n"
/* four vCPUs that are woken */
#define WAKE_BEGIN "create 7 0\nvcpus 7\nmap 7 0 3 1 1 3 0\nenable 7 3\ndisable 7 3\n"
#define WAKE_END "destroy 7 3\nunmap\n"
#define WAKE WAKE_BEGIN NOTIFY("200") NOTIFY("201") NOTIFY("202") NOTIFY("203") WAKE_END
#define WAKE_TWO WAKE_BEGIN NOTIFY("200") NOTIFY("201") WAKE_END
#define RESULT_OK(answered) "0: gone 0, answered " answered ", untaken 0, woken 0, <null>: Success\n"
#define RESULT_GONE "0: gone 1, answered 0, untaken 0, woken 0, <null>: Success\n"
#define RESULT_WOKEN(answered, failed) "0: gone 0, answered " answered ", untaken 0, woken 1, " failed "\n"
#define RESULT_FAILED(answered, untaken, woken, failed) \
    "-1: gone 0, answered " answered ", untaken " untaken ", woken " woken ", " failed "\n"

/* What a vCPU reads that waits: a serial port has nothing to say, and all else is absent. */
static int
testAnswers(const void *opaque G_GNUC_UNUSED)
{
    static const struct {
        ioreq_t request;
        uint64_t data;
    } cases[] = {
#define PORT(address, bytes) .type = IOREQ_TYPE_PIO, .dir = IOREQ_READ, .addr = address, .size = bytes
        { { PORT(0x3f8, 1) }, 0xffffffffffffff00 },
        { { PORT(0x3f9, 1) }, 0xffffffffffffff0f },
        { { PORT(0x3fa, 1) }, 0xffffffffffffff01 },
        { { PORT(0x3fb, 1) }, 0xffffffffffffff03 },
        { { PORT(0x3fc, 1) }, 0xffffffffffffff0b },
        { { PORT(0x3fd, 1) }, 0xffffffffffffff60 },
        { { PORT(0x3fe, 1) }, 0xffffffffffffffb0 },
        { { PORT(0x3ff, 1) }, 0xffffffffffffff00 },
        { { PORT(0x2fd, 1) }, 0xffffffffffffff60 },
        { { PORT(0x3ed, 1) }, 0xffffffffffffff60 },
        { { PORT(0x2ed, 1) }, 0xffffffffffffff60 },
        { { PORT(0x3fd, 2) }, 0xffffffffffffb060 },
        { { PORT(0x3fe, 4) }, 0xffffffffffff00b0 },
        { { PORT(0x3f7, 2) }, 0xffffffffffff00ff },
        { { PORT(0x1f7, 1) }, ~0ULL },
        { { PORT(0x400, 1) }, ~0ULL },
        { { PORT(0x1000003fd, 1) }, ~0ULL },
        { { PORT(0x3fd, 0) }, ~0ULL },
        { { PORT(0x3fd, 8) }, ~0ULL },
        { { PORT(0x3fd, 1), .data_is_ptr = 1 }, ~0ULL },
        { { .type = IOREQ_TYPE_PIO, .dir = IOREQ_WRITE, .addr = 0x3fd, .size = 1 }, ~0ULL },
        { { .type = IOREQ_TYPE_COPY, .dir = IOREQ_READ, .addr = 0x3fd, .size = 1 }, ~0ULL },
#undef PORT
    };
    libxlDeviceModelIoreq ioreq = { .domid = TEST_DOMID, .ioservid = TEST_SERVER };
    libxlDeviceModelIoreqResult result;
    size_t i;

    for (i = 0; i < G_N_ELEMENTS(cases); i++) {
        ioreq_t *request = &xen.requests[TEST_SERVER][0];

        testXenInit(1, NULL);
        *request = cases[i].request;
        request->state = STATE_IOREQ_INPROCESS;
        request->vp_eport = testXenPort(TEST_SERVER, 0);
        if (libxlDeviceModelIoreqRelease(&ioreq, &result) < 0 ||
            xen.requests[TEST_SERVER][0].data != cases[i].data) {
            VIR_TEST_VERBOSE("case %zu: 0x%llx", i,
                             (unsigned long long)xen.requests[TEST_SERVER][0].data);
            return -1;
        }
    }

    return 0;
}


static int
mymain(void)
{
    int ret = 0;

#define DO_TEST(title, func, ...) \
    do { \
        static const struct testIoreqData data = { __VA_ARGS__ }; \
        if (virTestRun(title, func, &data) < 0) \
            ret = -1; \
    } while (0)

    /* what is claimed and what waits */
    DO_TEST("nothing waits", testRelease,
            .result = RESULT_OK("0"),
            .calls = OPEN DISABLE "\n" MAP "\n" PORTS NOTIFY_ALL DESTROY "\nunmap\n");
    DO_TEST("each state is answered", testRelease,
            .states = { STATE_IOREQ_READY, STATE_IOREQ_INPROCESS, TEST_STATE_WEIRD },
            .result = RESULT_OK("3"), .taken = 3,
            .calls = OPEN DISABLE "\n" MAP "\n" PORTS NOTIFY_ALL DESTROY "\nunmap\n");
    DO_TEST("an answer of the process is taken as it is", testRelease,
            .states = { STATE_IORESP_READY, STATE_IOREQ_READY },
            .result = RESULT_OK("1"), .taken = 1, .mistaken = 1,
            .calls = OPEN DISABLE "\n" MAP "\n" PORTS NOTIFY_ALL DESTROY "\nunmap\n");
    DO_TEST("interrupts are lowered", testRelease,
            .slots = (1U << 31) | (1 << 5), .irqs = (1 << 16) | (1 << 15) | (1 << 4),
            .result = RESULT_OK("0"),
            .calls = OPEN DISABLE "\n" MAP "\n" PORTS NOTIFY_ALL DESTROY "\n"
                     "intx 7 0:0:5 0 0\nintx 7 0:0:5 1 0\nintx 7 0:0:5 2 0\nintx 7 0:0:5 3 0\n"
                     "intx 7 0:0:31 0 0\nintx 7 0:0:31 1 0\nintx 7 0:0:31 2 0\nintx 7 0:0:31 3 0\n"
                     "irq 7 4 0\nirq 7 15 0\nunmap\n");

    DO_TEST("ports of others, and a vCPU that waits without a state", testRelease,
            .states = { STATE_IOREQ_NONE, STATE_IOREQ_READY }, .ports = { 101, 103, 100, 9999 },
            .result = RESULT_OK("1"), .taken = 1,
            .calls = OPEN DISABLE "\n" MAP "\n" PORTS NOTIFY_ALL DESTROY "\nunmap\n");
    DO_TEST("a request while the ports are restored", testRelease,
            .late = true,
            .result = RESULT_OK("1"), .taken = 1,
            .calls = OPEN DISABLE "\n" MAP "\n" PORTS NOTIFY_ALL DESTROY "\nunmap\n");

    /* what is made up for */
    DO_TEST("answers that are not taken", testRelease,
            .states = { STATE_IOREQ_READY }, .paused = true, .us = 100 * 1000,
            .result = RESULT_WOKEN("1", "<null>: Success"),
            .calls = OPEN DISABLE "\n" MAP "\n" PORTS NOTIFY_ALL DESTROY "\nunmap\n" WAKE);
    DO_TEST("answers that are overwritten", testRelease,
            .states = { STATE_IOREQ_READY }, .hostile = true, .us = 100 * 1000,
            .result = RESULT_WOKEN("1", "<null>: Success"),
            .calls = OPEN DISABLE "\n" MAP "\n" PORTS NOTIFY_ALL DESTROY "\nunmap\n" WAKE);
    DO_TEST("ports that cannot be restored", testRelease,
            .failures = { { "enable", 1, EIO } },
            .result = RESULT_WOKEN("0", "enable: Input/output error"),
            .calls = OPEN DISABLE "\n" MAP "\nenable 7 2 Input/output error\n"
                     DESTROY "\nunmap\n" WAKE);
    DO_TEST("a server that stays enabled", testRelease,
            .failures = { { "disable", 2, EIO } },
            .result = RESULT_WOKEN("0", "disable: Input/output error"),
            .calls = OPEN DISABLE "\n" MAP "\nenable 7 2\ndisable 7 2 Input/output error\n"
                     DESTROY "\nunmap\n" WAKE);
    DO_TEST("a server that goes", testRelease,
            .failures = { { "enable", 1, ENOENT }, { "destroy", 1, ENOENT } },
            .result = RESULT_WOKEN("0", "enable: No such file or directory"),
            .calls = OPEN DISABLE "\n" MAP "\nenable 7 2 No such file or directory\n"
                     DESTROY " No such file or directory\nunmap\n" WAKE);
    DO_TEST("a port that somebody has", testRelease,
            .failures = { { "bind", 2, EINVAL } },
            .result = RESULT_WOKEN("0", "bind: Invalid argument"),
            .calls = OPEN DISABLE "\n" MAP "\n" PORTS NOTIFY("100") "bind 7 101 Invalid argument\n"
                     NOTIFY("102") NOTIFY("103") DESTROY "\nunmap\n" WAKE);
    DO_TEST("a port that cannot be notified", testRelease,
            .failures = { { "notify", 1, EIO } },
            .result = RESULT_WOKEN("0", "notify: Input/output error"),
            .calls = OPEN DISABLE "\n" MAP "\n" PORTS
                     "bind 7 100\nnotify 1100 Input/output error\nunbind 1100\n"
                     NOTIFY("101") NOTIFY("102") NOTIFY("103") DESTROY "\nunmap\n" WAKE);
    DO_TEST("requests that cannot be mapped", testRelease,
            .failures = { { "map", 1, EPERM } }, .irqs = 1 << 14,
            .result = RESULT_WOKEN("0", "map: Operation not permitted"),
            .calls = OPEN DISABLE "\n" MAP " Operation not permitted\n"
                     DESTROY "\nirq 7 14 0\n" WAKE);
    DO_TEST("vCPUs that cannot be counted", testRelease,
            .failures = { { "vcpus", 1, EFAULT } },
            .result = RESULT_WOKEN("0", "count vCPUs: Bad address"),
            .calls = OPEN DISABLE "\nvcpus 7 Bad address\n" DESTROY "\n" WAKE);
    DO_TEST("a server that cannot be disabled", testRelease,
            .failures = { { "disable", 1, EIO } },
            .result = RESULT_WOKEN("0", "disable: Input/output error"),
            .calls = OPEN DISABLE " Input/output error\n" DESTROY "\n" WAKE);

    /* what is there no more */
    DO_TEST("the server was given back", testRelease,
            .failures = { { "disable", 1, ENOENT }, { "destroy", 1, ENOENT } }, .irqs = 1 << 14,
            .result = RESULT_WOKEN("0", "<null>: Success"),
            .calls = OPEN DISABLE " No such file or directory\n"
                     DESTROY " No such file or directory\nirq 7 14 0\n" WAKE);
    DO_TEST("the domain is gone", testRelease,
            .failures = { { "disable", 0, ESRCH }, { "destroy", 0, ESRCH } },
            .result = RESULT_GONE,
            .calls = OPEN DISABLE " No such process\n" DESTROY " No such process\n");
    DO_TEST("the domain goes", testRelease,
            .failures = { { "bind", 0, ESRCH }, { "destroy", 0, ESRCH } },
            .result = RESULT_GONE,
            .calls = OPEN DISABLE "\n" MAP "\n" PORTS "bind 7 100 No such process\nbind 7 101 No such process\n"
                     "bind 7 102 No such process\nbind 7 103 No such process\n"
                     DESTROY " No such process\nunmap\n");
    DO_TEST("the domain is being destroyed", testRelease,
            .failures = { { "disable", 0, ENOENT }, { "destroy", 0, ENOENT }, { "create", 0, EINVAL } },
            .result = RESULT_GONE,
            .calls = OPEN DISABLE " No such file or directory\n"
                     DESTROY " No such file or directory\ncreate 7 0 Invalid argument\n");

    /* what is not made up for */
    DO_TEST("a server that cannot be destroyed", testRelease,
            .failures = { { "destroy", 1, EPERM } }, .irqs = 1 << 14,
            .result = RESULT_FAILED("0", "0", "0", "destroy: Operation not permitted"),
            .calls = OPEN DISABLE "\n" MAP "\n" PORTS NOTIFY_ALL DESTROY " Operation not permitted\n"
                     "irq 7 14 0\nunmap\n");
    DO_TEST("the first failure is told", testRelease,
            .failures = { { "disable", 1, EIO }, { "destroy", 1, EPERM } },
            .result = RESULT_FAILED("0", "0", "0", "disable: Input/output error"),
            .calls = OPEN DISABLE " Input/output error\n" DESTROY " Operation not permitted\n");
    DO_TEST("an INTx that cannot be lowered", testRelease,
            .failures = { { "intx", 1, EIO } }, .slots = 1 << 5,
            .result = RESULT_FAILED("0", "0", "0", "lower INTx: Input/output error"),
            .calls = OPEN DISABLE "\n" MAP "\n" PORTS NOTIFY_ALL DESTROY "\n"
                     "intx 7 0:0:5 0 0 Input/output error\nintx 7 0:0:5 1 0\n"
                     "intx 7 0:0:5 2 0\nintx 7 0:0:5 3 0\nunmap\n");
    DO_TEST("an IRQ that cannot be lowered", testRelease,
            .failures = { { "irq", 1, EIO } }, .irqs = (1 << 14) | (1 << 15),
            .result = RESULT_FAILED("0", "0", "0", "lower IRQ: Input/output error"),
            .calls = OPEN DISABLE "\n" MAP "\n" PORTS NOTIFY_ALL DESTROY "\n"
                     "irq 7 14 0 Input/output error\nirq 7 15 0\nunmap\n");
    DO_TEST("no server left for waking", testRelease,
            .failures = { { "map", 1, EPERM }, { "create", 1, ENOSPC } },
            .result = RESULT_FAILED("0", "0", "0", "map: Operation not permitted"),
            .calls = OPEN DISABLE "\n" MAP " Operation not permitted\n"
                     DESTROY "\ncreate 7 0 No space left on device\n");
    DO_TEST("answers that are not taken, and no server left for waking", testRelease,
            .states = { STATE_IOREQ_READY }, .paused = true, .us = 100 * 1000,
            .failures = { { "create", 1, ENOSPC } },
            .result = RESULT_FAILED("1", "1", "0", "create: No space left on device"),
            .calls = OPEN DISABLE "\n" MAP "\n" PORTS NOTIFY_ALL
                     DESTROY "\nunmap\ncreate 7 0 No space left on device\n");
    DO_TEST("answers that are not taken of the new server either", testRelease,
            .paused = true, .late = true, .us = 200 * 1000,
            .result = RESULT_FAILED("2", "1", "0", "await: Connection timed out"),
            .calls = OPEN DISABLE "\n" MAP "\n" PORTS NOTIFY_ALL DESTROY "\nunmap\n" WAKE);
    DO_TEST("a new server that goes", testRelease,
            .states = { STATE_IOREQ_READY }, .paused = true, .us = 100 * 1000,
            .failures = { { "enable", 2, ENOENT } },
            .result = RESULT_FAILED("1", "0", "0", "enable: No such file or directory"),
            .calls = OPEN DISABLE "\n" MAP "\n" PORTS NOTIFY_ALL
                     DESTROY "\nunmap\ncreate 7 0\nvcpus 7\nmap 7 0 3 1 1 3 0\n"
                     "enable 7 3 No such file or directory\n" WAKE_END);
    DO_TEST("a new server that goes at once", testRelease,
            .states = { STATE_IOREQ_READY }, .paused = true, .us = 100 * 1000,
            .failures = { { "disable", 3, ENOENT } },
            .result = RESULT_FAILED("1", "0", "0", "disable: No such file or directory"),
            .calls = OPEN DISABLE "\n" MAP "\n" PORTS NOTIFY_ALL
                     DESTROY "\nunmap\ncreate 7 0\nvcpus 7\nmap 7 0 3 1 1 3 0\n"
                     "enable 7 3\ndisable 7 3 No such file or directory\n" WAKE_END);
    DO_TEST("no first library", testRelease,
            .failures = { { "open", 1, ENOENT } },
            .result = RESULT_FAILED("0", "0", "0", "open: No such file or directory"),
            .calls = "open devicemodel No such file or directory\n");
    DO_TEST("no last library", testRelease,
            .failures = { { "open", 3, EACCES } },
            .result = RESULT_FAILED("0", "0", "0", "open: Permission denied"),
            .calls = "open devicemodel\nopen foreignmemory\nopen evtchn Permission denied\n");

    /* a guest that is held until another process serves it */
    DO_TEST("copy: nobody waits", testCopyReady,
            .result = RESULT_OK("0"), .calls = OPEN DISABLE "\n" MAP "\n" PORTS "unmap\n");
    DO_TEST("copy: what nobody has looked at", testCopyReady,
            .states = { STATE_IOREQ_INPROCESS, STATE_IOREQ_READY, STATE_IOREQ_READY, STATE_IORESP_READY },
            .nready = 2, .result = RESULT_OK("0"), .calls = OPEN DISABLE "\n" MAP "\n" PORTS "unmap\n");
    DO_TEST("copy: more than there is room for", testCopyReady,
            .states = { STATE_IOREQ_NONE, STATE_IOREQ_READY, STATE_IOREQ_READY, STATE_IOREQ_READY },
            .nready = 2, .result = RESULT_OK("0"), .calls = OPEN DISABLE "\n" MAP "\n" PORTS "unmap\n");
    DO_TEST("copy: ports that cannot be restored", testCopyReady,
            .states = { STATE_IOREQ_READY }, .failures = { { "disable", 2, EIO } },
            .result = RESULT_FAILED("0", "0", "0", "disable: Input/output error"),
            .calls = OPEN DISABLE "\n" MAP "\nenable 7 2\ndisable 7 2 Input/output error\nunmap\n");
    DO_TEST("copied: not enabled any more", testRelease,
            .states = { STATE_IOREQ_READY, STATE_IOREQ_INPROCESS }, .copied = true, .late = true,
            .result = RESULT_OK("2"), .taken = 2,
            .calls = OPEN DISABLE "\n" MAP "\n" NOTIFY_ALL DESTROY "\nunmap\n");
    DO_TEST("copied: ports of others", testRelease,
            .states = { STATE_IOREQ_READY }, .ports = { 9999 }, .copied = true, .us = 100 * 1000,
            .result = RESULT_WOKEN("1", "<null>: Success"),
            .calls = OPEN DISABLE "\n" MAP "\n" "bind 7 9999\nnotify 10999\nunbind 10999\n"
                     NOTIFY("101") NOTIFY("102") NOTIFY("103")
                     DESTROY "\nunmap\n" WAKE);
    DO_TEST("copy: not disabled", testCopyReady,
            .states = { STATE_IOREQ_READY }, .failures = { { "disable", 1, EIO } },
            .result = RESULT_FAILED("0", "0", "0", "disable: Input/output error"),
            .calls = OPEN DISABLE " Input/output error\n");
    DO_TEST("copy: not mapped", testCopyReady,
            .states = { STATE_IOREQ_READY }, .failures = { { "map", 1, EPERM } },
            .result = RESULT_FAILED("0", "0", "0", "map: Operation not permitted"),
            .calls = OPEN DISABLE "\n" MAP " Operation not permitted\n");
    DO_TEST("hold", testHold,
            .servers = 1U << 2, .irqs = 1 << 14,
            .result = RESULT_OK("0"), .calls = OPEN FIND("2") "irq 7 14 0\n" "enable 7 2\n");
    DO_TEST("hold: not enabled", testHold,
            .servers = 1U << 2, .irqs = 1 << 14, .failures = { { "enable", 1, EIO } },
            .result = RESULT_FAILED("0", "0", "0", "enable: Input/output error"),
            .calls = OPEN FIND("2") "irq 7 14 0\n" "enable 7 2 Input/output error\n");
    DO_TEST("hold: given back", testHold,
            .irqs = 1 << 14,
            .result = "-1: gone 0, answered 0, untaken 0, woken 0, <null>: Success\n",
            .calls = OPEN FIND("2"));
    DO_TEST("hold: not lowered", testHold,
            .servers = 1U << 2, .irqs = 1 << 14, .failures = { { "irq", 1, EIO } },
            .result = RESULT_FAILED("0", "0", "0", "lower IRQ: Input/output error"),
            .calls = OPEN FIND("2") "irq 7 14 0 Input/output error\n");

    DO_TEST("lower", testLower,
            .irqs = 1 << 14, .result = RESULT_OK("0"), .calls = OPEN "irq 7 14 0\n");
    DO_TEST("lower: not lowered", testLower,
            .irqs = 1 << 14, .failures = { { "irq", 1, EIO } },
            .result = RESULT_FAILED("0", "0", "0", "lower IRQ: Input/output error"),
            .calls = OPEN "irq 7 14 0 Input/output error\n");
    DO_TEST("server: there", testCheckServer,
            .servers = 1U << 2, .calls = OPEN FIND("2"));
    DO_TEST("server: not there", testCheckServer,
            .servers = 1U << 3, .calls = OPEN FIND("2"));
    DO_TEST("server: not seen", testCheckServer,
            .servers = 1U << 2, .failures = { { "info", 1, EPERM } },
            .calls = OPEN "info 7 2 Operation not permitted\n");

    /* what else the process has left */
    DO_TEST("others: none", testOthers,
            .result = RESULT_OK("0"),
            .calls = OPEN FIND("1") FIND("2") FIND("3") FIND("4") FIND("5") FIND("6") FIND("7"));
    DO_TEST("others: some are kept", testOthers,
            .servers = 0xff, .keep = ~(1U << 2 | 1U << 7),
            .states = { STATE_IOREQ_READY }, .ports = { 601, 101 },
            .result = RESULT_OK("2"), .taken = 2,
            .calls = OPEN FIND("2") OTHER("2", "10") FIND("7") OTHER("7", "60"));
    DO_TEST("others: all wait for one new server", testOthers,
            .servers = 1U << 2 | 1U << 4, .keep = ~(1U << 2 | 1U << 4 | 1U << 5),
            .states = { STATE_IOREQ_READY }, .paused = true, .us = 200 * 1000,
            .result = RESULT_WOKEN("2", "<null>: Success"),
            .calls = OPEN FIND("2") OTHER("2", "10") FIND("4") OTHER("4", "30") FIND("5") WAKE);
    DO_TEST("others: none is waited for without one", testOthers,
            .servers = 1U << 2 | 1U << 4, .keep = ~(1U << 2 | 1U << 4),
            .states = { STATE_IOREQ_READY }, .paused = true, .us = 200 * 1000,
            .failures = { { "create", 1, ENOSPC } },
            .result = RESULT_FAILED("2", "2", "0", "create: No space left on device"),
            .calls = OPEN FIND("2") OTHER("2", "10") FIND("4") OTHER("4", "30")
                     "create 7 0 No space left on device\n");
    DO_TEST("others: one that is given back meanwhile", testOthers,
            .servers = 1U << 2, .keep = ~(1U << 2),
            .failures = { { "disable", 1, ENOENT }, { "destroy", 1, ENOENT } },
            .result = RESULT_WOKEN("0", "<null>: Success"),
            .calls = OPEN FIND("2") DISABLE " No such file or directory\n"
                     DESTROY " No such file or directory\n" WAKE);
    DO_TEST("others: one that cannot be destroyed", testOthers,
            .servers = 1U << 2 | 1U << 4, .keep = ~(1U << 2 | 1U << 4),
            .failures = { { "destroy", 1, EPERM } },
            .result = RESULT_FAILED("0", "0", "0", "destroy: Operation not permitted"),
            .calls = OPEN FIND("2") DISABLE "\n" MAP "\n" PORTS NOTIFY_ALL
                     DESTROY " Operation not permitted\nunmap\n" FIND("4") OTHER("4", "30"));
    DO_TEST("others: one that cannot be found", testOthers,
            .servers = 1U << 4, .keep = ~(1U << 2 | 1U << 4),
            .failures = { { "info", 1, EPERM } },
            .result = RESULT_FAILED("0", "0", "0", "find: Operation not permitted"),
            .calls = OPEN "info 7 2 Operation not permitted\n" FIND("4") OTHER("4", "30"));
    DO_TEST("others: the domain is gone", testOthers,
            .failures = { { "info", 1, ESRCH } },
            .result = RESULT_GONE, .calls = OPEN "info 7 1 No such process\n");
    DO_TEST("others: the domain goes", testOthers,
            .servers = 1U << 2, .keep = ~(1U << 2),
            .failures = { { "map", 1, ESRCH } },
            .result = RESULT_GONE,
            .calls = OPEN FIND("2") DISABLE "\n" MAP " No such process\n" DESTROY "\n");
    DO_TEST("others: no library", testOthers,
            .failures = { { "open", 1, ENOENT } },
            .result = RESULT_FAILED("0", "0", "0", "open: No such file or directory"),
            .calls = "open devicemodel No such file or directory\n");

    /* vCPUs that wait for a server that is not there */
    DO_TEST("wake", testWake,
            .result = RESULT_WOKEN("0", "<null>: Success"), .calls = OPEN WAKE_TWO);
    DO_TEST("wake: the domain is gone", testWake,
            .failures = { { "create", 0, ESRCH } }, .result = RESULT_GONE,
            .calls = OPEN "create 7 0 No such process\n");
    DO_TEST("wake: no server left", testWake,
            .failures = { { "create", 0, ENOSPC } },
            .result = RESULT_FAILED("0", "0", "0", "create: No space left on device"),
            .calls = OPEN "create 7 0 No space left on device\n");
    DO_TEST("wake: not mapped", testWake,
            .failures = { { "map", 0, ENOMEM } },
            .result = RESULT_FAILED("0", "0", "0", "map: Cannot allocate memory"),
            .calls = OPEN "create 7 0\nvcpus 7\nmap 7 0 3 1 1 3 0 Cannot allocate memory\ndestroy 7 3\n");
    DO_TEST("wake: not enabled", testWake,
            .failures = { { "enable", 0, EIO } },
            .result = RESULT_FAILED("0", "0", "0", "enable: Input/output error"),
            .calls = OPEN "create 7 0\nvcpus 7\nmap 7 0 3 1 1 3 0\n"
                     "enable 7 3 Input/output error\n" WAKE_END);
    DO_TEST("wake: a port that somebody has", testWake,
            .failures = { { "bind", 1, EINVAL } },
            .result = RESULT_FAILED("0", "0", "0", "bind: Invalid argument"),
            .calls = OPEN WAKE_BEGIN "bind 7 200 Invalid argument\n" NOTIFY("201") WAKE_END);
    DO_TEST("wake: not destroyed", testWake,
            .failures = { { "destroy", 0, EIO } },
            .result = RESULT_FAILED("0", "0", "0", "destroy: Input/output error"),
            .calls = OPEN WAKE_BEGIN NOTIFY("200") NOTIFY("201")
                     "destroy 7 3 Input/output error\nunmap\n");

#undef DO_TEST

    if (virTestRun("answers", testAnswers, NULL) < 0)
        ret = -1;
    if (virTestRun("frames of requests", testFrames, NULL) < 0)
        ret = -1;
    if (virTestRun("numbers that do not fit", testNumbers, NULL) < 0)
        ret = -1;
    if (virTestRun("looks", testLook, NULL) < 0)
        ret = -1;
    if (virTestRun("look: numbers that do not fit", testLookNumbers, NULL) < 0)
        ret = -1;
    if (virTestRun("look: no connection", testLookNoXen, NULL) < 0)
        ret = -1;

    virBufferFreeAndReset(&xen.log);
    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN(mymain)
