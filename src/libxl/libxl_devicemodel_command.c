/*
 * libxl_devicemodel_command.c: the QEMU command line of a secondary
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The machine is the one that libxl gives the primary, since both serve one
 * guest: what of it a secondary may register with Xen is decided by the scope
 * library.  Everything else is left out with -nodefaults and -display none.
 */

#include <config.h>

#include "libxl_devicemodel_command.h"

#include "virlog.h"
#include "virqemu.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL

VIR_LOG_INIT("libxl.libxl_devicemodel_command");


/* The library must be the first to be preloaded: what follows it in the list
 * is asked after it.  Tests preload libraries of their own. */
static void
libxlDeviceModelCommandAddScope(virCommand *cmd,
                                const libxlDeviceModelConfig *config,
                                int *scopefd,
                                const char *scopeLibrary,
                                bool debug)
{
    g_autofree char *claims = libxlDeviceModelConfigScope(config);
    g_autofree char *scope = g_strdup_printf("%s;fd=%d;debug=%d",
                                             claims, *scopefd, debug ? 1 : 0);
    const char *inherited = g_getenv("LD_PRELOAD");
    g_autofree char *preload = NULL;

    if (inherited && *inherited)
        preload = g_strdup_printf("%s:%s", scopeLibrary, inherited);

    virCommandAddEnvPassCommon(cmd);
    virCommandAddEnvPair(cmd, "LD_PRELOAD", preload ? preload : scopeLibrary);
    virCommandAddEnvPair(cmd, "LIBVIRT_DEVICEMODEL_SCOPE", scope);

    virCommandPassFD(cmd, *scopefd, VIR_COMMAND_PASS_FD_CLOSE_PARENT);
    *scopefd = -1;
}


static void
libxlDeviceModelCommandAddName(virCommand *cmd,
                               const libxlDeviceModelConfig *config)
{
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;

    virBufferAddLit(&buf, "guest=");
    virQEMUBuildBufferEscapeComma(&buf, config->domname);
    virBufferAsprintf(&buf, "/%s", config->name);

    virCommandAddArg(cmd, "-name");
    virCommandAddArgBuffer(cmd, &buf);
}


static void
libxlDeviceModelCommandAddMonitor(virCommand *cmd,
                                  int *monitorfd)
{
    virCommandAddArg(cmd, "-chardev");
    virCommandAddArgFormat(cmd, "socket,id=monitor,fd=%d,server=on,wait=off",
                           *monitorfd);
    virCommandAddArgList(cmd, "-mon", "chardev=monitor,mode=control", NULL);

    virCommandPassFD(cmd, *monitorfd, VIR_COMMAND_PASS_FD_CLOSE_PARENT);
    *monitorfd = -1;
}


/* Option ROMs are copied right above the guest's memory, where the primary
 * puts its own: an empty romfile keeps the pages apart (xen_ram_alloc in QEMU
 * hw/i386/xen/xen-hvm.c). */
static void
libxlDeviceModelCommandAddNIC(virCommand *cmd,
                              const libxlDeviceModelNIC *nic,
                              int *tapfd)
{
    char macstr[VIR_MAC_STRING_BUFLEN];

    virCommandAddArg(cmd, "-netdev");
    virCommandAddArgFormat(cmd, "tap,id=hostnet%zu,fd=%d", nic->idx, *tapfd);

    virCommandAddArg(cmd, "-device");
    virCommandAddArgFormat(cmd, "%s,id=net%zu,netdev=hostnet%zu,mac=%s,addr=0x%02x,romfile=",
                           nic->driver, nic->idx, nic->idx,
                           virMacAddrFormat(&nic->mac, macstr), nic->slot);

    virCommandPassFD(cmd, *tapfd, VIR_COMMAND_PASS_FD_CLOSE_PARENT);
    *tapfd = -1;
}


/**
 * libxlDeviceModelCommandNew:
 * @config: configuration of the secondary
 * @fds: its open files; the command takes them and sets them to -1
 * @scopeLibrary: path of the scope library
 * @debug: whether the scope library logs each decision
 *
 * The process starts stopped (-S), so that the driver can look at what it
 * registered with Xen before it serves anything.
 *
 * Returns the command, which the caller completes (log, pid file), runs and
 * frees.
 */
virCommand *
libxlDeviceModelCommandNew(const libxlDeviceModelConfig *config,
                           libxlDeviceModelFDs *fds,
                           const char *scopeLibrary,
                           bool debug)
{
    virCommand *cmd = virCommandNew(config->emulator);
    size_t i;

    libxlDeviceModelCommandAddScope(cmd, config, &fds->scope, scopeLibrary, debug);

    virCommandAddArg(cmd, "-xen-domid");
    virCommandAddArgFormat(cmd, "%u", config->domid);
    libxlDeviceModelCommandAddName(cmd, config);
    virCommandAddArgList(cmd,
                         "-no-shutdown", "-nodefaults", "-no-user-config",
                         "-display", "none", "-vga", "none",
                         "-machine", "xenfv,suppress-vmdesc=on",
                         "-S", NULL);
    virCommandAddArg(cmd, "-m");
    virCommandAddArgFormat(cmd, "%llu", config->memory);
    virCommandAddArg(cmd, "-smp");
    virCommandAddArgFormat(cmd, "%u", config->vcpus);

    libxlDeviceModelCommandAddMonitor(cmd, &fds->monitor);

    for (i = 0; i < config->nnics; i++)
        libxlDeviceModelCommandAddNIC(cmd, &config->nics[i], &fds->taps[i]);

    return cmd;
}
