/*
 * domain_devicemodel.h: the <devicemodel> elements of a domain definition
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A device model is an emulator process of a domain.  Each <devicemodel> names
 * one, the capabilities that it emulates and the interfaces assigned to it.
 * The primary is the device model with the 'ui' capability, or the first one
 * where none has it; it also emulates whatever no other device model does.
 * Every other device model is a secondary.
 *
 * Nothing here takes a lock: the caller owns the definition, or has locked the
 * domain object that does.
 */

#pragma once

#include "internal.h"
#include "virbuffer.h"
#include "virconftypes.h"
#include "virenum.h"
#include "virmacaddr.h"
#include "virxml.h"

/* Xen serves at most this many ioreq servers to a domain, and each device
 * model needs one (MAX_NR_IOREQ_SERVERS, Xen xen/include/xen/sched.h). */
#define VIR_DOMAIN_DEVICE_MODEL_MAX 8

/* A name becomes part of file names and of xenstore paths. */
#define VIR_DOMAIN_DEVICE_MODEL_NAME_MAX 32

typedef enum {
    VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_UI = 0,
    VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_IDE,
    VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_SERIAL,
    VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_AUDIO,

    VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_LAST
} virDomainDeviceModelCapability;

VIR_ENUM_DECL(virDomainDeviceModelCapability);

/* Where the process of a device model is; NONE in a domain that isn't live. */
typedef enum {
    VIR_DOMAIN_DEVICE_MODEL_STATE_NONE = 0,
    VIR_DOMAIN_DEVICE_MODEL_STATE_STARTING,
    VIR_DOMAIN_DEVICE_MODEL_STATE_RUNNING,
    VIR_DOMAIN_DEVICE_MODEL_STATE_FAILED,
    VIR_DOMAIN_DEVICE_MODEL_STATE_RESTARTING, /* it has failed; another process takes its place */

    VIR_DOMAIN_DEVICE_MODEL_STATE_LAST
} virDomainDeviceModelState;

VIR_ENUM_DECL(virDomainDeviceModelState);

/* For how many seconds a secondary may be silent while the guest waits for it, before it
 * counts as hung; in steps of a second.  Below the minimum there is no time to find out
 * that it is. */
#define VIR_DOMAIN_DEVICE_MODEL_FAILURE_LIMIT_DEFAULT 10
#define VIR_DOMAIN_DEVICE_MODEL_FAILURE_LIMIT_MIN 3
#define VIR_DOMAIN_DEVICE_MODEL_FAILURE_LIMIT_MAX 3600

/* What is done when the process of a device model has ended by itself.  The guest is
 * freed of it in any case. */
typedef enum {
    VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_DEFAULT = 0, /* nothing is said of it */
    VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_RESTART, /* another process takes its place, where that
                                                       is safe; as IGNORE, where not */
    VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_IGNORE, /* the guest runs on without its devices */
    VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_PAUSE, /* the domain is paused */
    VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_DESTROY, /* the domain is destroyed */

    VIR_DOMAIN_DEVICE_MODEL_FAILURE_ACTION_LAST
} virDomainDeviceModelFailureAction;

VIR_ENUM_DECL(virDomainDeviceModelFailureAction);

/* A reference to an <interface> of the same domain. */
typedef struct _virDomainDeviceModelInterface virDomainDeviceModelInterface;
struct _virDomainDeviceModelInterface {
    virMacAddr mac;
    char *alias; /* NULL: the reference is by mac */
};

/* That the process of a device model ends by itself, or hangs, while its domain runs. */
typedef struct _virDomainDeviceModelFailure virDomainDeviceModelFailure;
struct _virDomainDeviceModelFailure {
    virDomainDeviceModelFailureAction action;
    int limit; /* in seconds; 0: never; -1: nothing is said of it */

    /* Live only. */
    unsigned int count; /* how often; 0: never, and there is neither of the next */
    long long last; /* when it did last, in seconds since the epoch */
    char *reason; /* why it did last; never in words of the process */
};

struct _virDomainDeviceModelDef {
    char *name;
    char *emulator; /* NULL: the emulator of the domain */
    unsigned int capabilities; /* bits 1 << virDomainDeviceModelCapability */

    size_t ninterfaces;
    virDomainDeviceModelInterface *interfaces;

    virDomainDeviceModelFailure failure;

    /* Live only. */
    int id; /* -1 while not live; the primary has 0 */
    virDomainDeviceModelState state;
};

virDomainDeviceModelDef *
virDomainDeviceModelDefNew(void);

void
virDomainDeviceModelDefFree(virDomainDeviceModelDef *dm);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virDomainDeviceModelDef, virDomainDeviceModelDefFree);

bool
virDomainDeviceModelNameIsValid(const char *name);

char *
virDomainDeviceModelFailureActionsToString(void);

virDomainDeviceModelFailureAction
virDomainDeviceModelDefGetFailureAction(const virDomainDeviceModelDef *dm);

int
virDomainDeviceModelFailureLimitFromString(const char *text);

unsigned int
virDomainDeviceModelDefGetFailureLimit(const virDomainDeviceModelDef *dm);

void
virDomainDeviceModelDefSetFailed(virDomainDeviceModelDef *dm,
                                 long long when,
                                 const char *reason);

void
virDomainDeviceModelDefAddReason(virDomainDeviceModelDef *dm,
                                 const char *reason);

/* The calls of the domain definition into this file. */
int
virDomainDeviceModelDefsParse(virDomainDef *def,
                              xmlXPathContextPtr ctxt,
                              unsigned int flags);

void
virDomainDeviceModelDefsFormat(virBuffer *buf,
                               const virDomainDef *def,
                               unsigned int flags);

void
virDomainDeviceModelDefsFree(virDomainDef *def);

bool
virDomainDeviceModelDefsCheckABIStability(const virDomainDef *src,
                                          const virDomainDef *dst);

int
virDomainDeviceModelDefsCheckUnsupported(const virDomainDef *def);

int
virDomainDeviceModelDefsValidate(const virDomainDef *def);

/* Which device model emulates what. */
bool
virDomainDeviceModelDefHasCapability(const virDomainDeviceModelDef *dm,
                                     virDomainDeviceModelCapability cap);

virDomainDeviceModelDef *
virDomainDeviceModelGetPrimary(const virDomainDef *def);

virDomainDeviceModelDef *
virDomainDeviceModelFindByCapability(const virDomainDef *def,
                                     virDomainDeviceModelCapability cap);

virDomainDeviceModelDef *
virDomainDeviceModelFindByNet(const virDomainDef *def,
                              const virDomainNetDef *net);

virDomainNetDef *
virDomainDeviceModelFindNet(const virDomainDef *def,
                            const virDomainDeviceModelInterface *ref);
