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

#include "libxl_devicemodel_alias.h"
#include "libxl_devicemodel_claims.h"
#include "libxl_devicemodel_scope_protocol.h"
#include "virqemu.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL


static void
libxlDeviceModelCommandTakeFD(virCommand *cmd,
                              int *fd)
{
    virCommandPassFD(cmd, *fd, VIR_COMMAND_PASS_FD_CLOSE_PARENT);
    *fd = -1;
}


/* The library must be the first to be preloaded: what follows it in the list
 * is asked after it.  Tests preload libraries of their own. */
static void
libxlDeviceModelCommandAddScope(virCommand *cmd,
                                const libxlDeviceModelConfig *config,
                                libxlDeviceModelFDs *fds,
                                const char *scopeLibrary,
                                bool debug)
{
    g_autofree char *claims = libxlDeviceModelClaimsFormat(config);
    g_auto(virBuffer) scope = VIR_BUFFER_INITIALIZER;
    const char *inherited = g_getenv("LD_PRELOAD");
    g_autofree char *preload = NULL;

    virBufferAsprintf(&scope,
                      "%s;" LIBXL_DEVICE_MODEL_SCOPE_FD "=%d;" LIBXL_DEVICE_MODEL_SCOPE_DEBUG "=%d",
                      claims, fds->scope, debug ? 1 : 0);
    if (fds->sound >= 0)
        virBufferAsprintf(&scope, ";" LIBXL_DEVICE_MODEL_SCOPE_FILE "=%d", fds->sound);
    if (fds->registers >= 0) {
        virBufferAsprintf(&scope, ";" LIBXL_DEVICE_MODEL_SCOPE_REGISTERS "=%d", fds->registers);
        libxlDeviceModelCommandTakeFD(cmd, &fds->registers);
    }

    if (inherited && *inherited)
        preload = g_strdup_printf("%s:%s", scopeLibrary, inherited);

    virCommandAddEnvPassCommon(cmd);
    virCommandAddEnvPair(cmd, "LD_PRELOAD", preload ? preload : scopeLibrary);
    virCommandAddEnvPair(cmd, LIBXL_DEVICE_MODEL_SCOPE_ENV,
                         virBufferCurrentContent(&scope));

    libxlDeviceModelCommandTakeFD(cmd, &fds->scope);
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
    virCommandAddArgFormat(cmd, "socket,id=%s,fd=%d,server=on,wait=off",
                           LIBXL_DEVICE_MODEL_ALIAS_MONITOR, *monitorfd);
    virCommandAddArg(cmd, "-mon");
    virCommandAddArgFormat(cmd, "chardev=%s,mode=control", LIBXL_DEVICE_MODEL_ALIAS_MONITOR);

    libxlDeviceModelCommandTakeFD(cmd, monitorfd);
}


/* Option ROMs are copied right above the guest's memory, where the primary
 * puts its own: an empty romfile keeps the pages apart (xen_ram_alloc in QEMU
 * hw/i386/xen/xen-hvm.c). */
static void
libxlDeviceModelCommandAddNIC(virCommand *cmd,
                              const libxlDeviceModelNIC *nic,
                              int *tapfd)
{
    g_autofree char *id = libxlDeviceModelAliasNIC(nic->slot);
    g_autofree char *tap = libxlDeviceModelAliasTap(nic->slot);
    g_auto(virBuffer) device = VIR_BUFFER_INITIALIZER;
    char macstr[VIR_MAC_STRING_BUFLEN];

    virCommandAddArg(cmd, "-netdev");
    virCommandAddArgFormat(cmd, "tap,id=%s,fd=%d", tap, *tapfd);

    virBufferAsprintf(&device, "%s,id=%s,netdev=%s,mac=%s,addr=0x%02x,romfile=",
                      nic->driver, id, tap,
                      virMacAddrFormat(&nic->mac, macstr), nic->slot);
    /* no other device can tell the guest */
    if (nic->mtu > 0 && STREQ(nic->driver, "virtio-net-pci"))
        virBufferAsprintf(&device, ",host_mtu=%u", nic->mtu);

    virCommandAddArg(cmd, "-device");
    virCommandAddArgBuffer(cmd, &device);

    libxlDeviceModelCommandTakeFD(cmd, tapfd);
}


/* A file that QEMU can only open by name is in a set of file descriptors, which
 * has a name: /dev/fdset/N (QEMU util/osdep.c). */
static void
libxlDeviceModelCommandAddFDSet(virCommand *cmd,
                                unsigned int fdset,
                                int *fd)
{
    virCommandAddArg(cmd, "-add-fd");
    virCommandAddArgFormat(cmd, "fd=%d,set=%u", *fd, fdset);
    libxlDeviceModelCommandTakeFD(cmd, fd);
}


/* The driver has locked the image, for as long as the file that it handed over is
 * open.  What is not said of a lower image it takes from the one above it, but that
 * it is only read (bdrv_child_options in QEMU block.c).  An image without a
 * lower one must say so, or QEMU looks into its header for a name. */
static virJSONValue *
libxlDeviceModelImageToJSON(const libxlDeviceModelImages *images,
                            size_t i)
{
    const libxlDeviceModelImage *image = &images->images[i];
    g_autofree char *path = g_strdup_printf("/dev/fdset/%u", image->fdset);
    g_autoptr(virJSONValue) file = NULL;
    g_autoptr(virJSONValue) backing = NULL;
    g_autoptr(virJSONValue) json = NULL;

    if (i + 1 < images->nimages) {
        if (!(backing = libxlDeviceModelImageToJSON(images, i + 1)))
            return NULL;
    } else if (image->format == VIR_STORAGE_FILE_QCOW2) {
        backing = virJSONValueNewNull();
    }

    if (virJSONValueObjectAdd(&file,
                              "s:driver", image->block ? "host_device" : "file",
                              "s:filename", path,
                              "s:locking", "off",
                              NULL) < 0 ||
        virJSONValueObjectAdd(&json,
                              "s:driver", libxlDeviceModelImageDriver(image->format),
                              "a:file", &file,
                              "A:backing", &backing,
                              NULL) < 0)
        return NULL;

    return g_steal_pointer(&json);
}


/**
 * libxlDeviceModelDiskBlockdev:
 * @disk: an IDE disk
 * @images: its open images, at least one
 * @nodename: name for it
 *
 * Returns what QMP's blockdev-add, and -blockdev, are to be told, or NULL with
 * an error.
 */
virJSONValue *
libxlDeviceModelDiskBlockdev(const libxlDeviceModelDisk *disk,
                             const libxlDeviceModelImages *images,
                             const char *nodename)
{
    g_autoptr(virJSONValue) json = libxlDeviceModelImageToJSON(images, 0);
    g_autoptr(virJSONValue) cache = NULL;

    if (!json ||
        virJSONValueObjectAdd(&cache,
                              "b:direct", disk->direct,
                              "b:no-flush", disk->noflush,
                              NULL) < 0 ||
        virJSONValueObjectAdd(&json,
                              "s:node-name", nodename,
                              "b:read-only", disk->readonly,
                              "a:cache", &cache,
                              "s:discard", disk->unmap ? "unmap" : "ignore",
                              NULL) < 0)
        return NULL;

    return g_steal_pointer(&json);
}


static void
libxlDeviceModelCommandAddDiskDevice(virCommand *cmd,
                                     const libxlDeviceModelDisk *disk,
                                     const char *nodename)
{
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;
    g_autofree char *id = libxlDeviceModelAliasDrive(disk);

    virBufferAsprintf(&buf, "%s,id=%s,bus=ide.%u,unit=%u",
                      disk->cdrom ? "ide-cd" : "ide-hd",
                      id, disk->bus, disk->unit);
    if (nodename)
        virBufferAsprintf(&buf, ",drive=%s", nodename);
    if (disk->writethrough)
        virBufferAddLit(&buf, ",write-cache=off");
    if (disk->shared)
        virBufferAddLit(&buf, ",share-rw=on");
    if (disk->serial) {
        virBufferAddLit(&buf, ",serial=");
        virQEMUBuildBufferEscapeComma(&buf, disk->serial);
    }

    virCommandAddArg(cmd, "-device");
    virCommandAddArgBuffer(cmd, &buf);
}


static int
libxlDeviceModelCommandAddDisk(virCommand *cmd,
                               const libxlDeviceModelDisk *disk,
                               libxlDeviceModelImages *images,
                               unsigned int *fdset)
{
    g_autofree char *nodename = libxlDeviceModelAliasImage(disk);
    g_autofree char *blockdev = NULL;
    g_autoptr(virJSONValue) json = NULL;
    size_t i;

    if (images->nimages == 0) {
        libxlDeviceModelCommandAddDiskDevice(cmd, disk, NULL);
        return 0;
    }

    for (i = 0; i < images->nimages; i++) {
        images->images[i].fdset = (*fdset)++;
        libxlDeviceModelCommandAddFDSet(cmd, images->images[i].fdset,
                                        &images->images[i].fd);
    }

    if (!(json = libxlDeviceModelDiskBlockdev(disk, images, nodename)) ||
        !(blockdev = virJSONValueToString(json, false)))
        return -1;

    virCommandAddArgList(cmd, "-blockdev", blockdev, NULL);
    libxlDeviceModelCommandAddDiskDevice(cmd, disk, nodename);
    return 0;
}


static void
libxlDeviceModelCommandAddSerial(virCommand *cmd,
                                 const libxlDeviceModelSerial *serial,
                                 int *fd,
                                 unsigned int *fdset)
{
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;
    g_autofree char *id = libxlDeviceModelAliasSerial(serial->idx);
    g_autofree char *terminal = libxlDeviceModelAliasTerminal(serial->idx);

    if (*fd < 0) {
        virBufferAsprintf(&buf, "%s,id=%s",
                          virDomainChrTypeToString(serial->type), terminal);
    } else if (serial->type == VIR_DOMAIN_CHR_TYPE_FILE) {
        virBufferAsprintf(&buf, "file,id=%s,path=/dev/fdset/%u,append=on",
                          terminal, *fdset);
        libxlDeviceModelCommandAddFDSet(cmd, (*fdset)++, fd);
    } else {
        virBufferAsprintf(&buf, "socket,id=%s,fd=%d", terminal, *fd);
        if (serial->listen)
            virBufferAddLit(&buf, ",server=on,wait=off");
        if (serial->telnet)
            virBufferAddLit(&buf, ",telnet=on");
        libxlDeviceModelCommandTakeFD(cmd, fd);
    }

    virCommandAddArg(cmd, "-chardev");
    virCommandAddArgBuffer(cmd, &buf);

    virCommandAddArg(cmd, "-device");
    virCommandAddArgFormat(cmd, "isa-serial,id=%s,chardev=%s,index=%u",
                           id, terminal, serial->port);
}


static int
libxlDeviceModelAudioToJSON(const virDomainAudioIOCommon *audio,
                            virJSONValue **json)
{
    const char *format = NULL;

    if (audio->format != VIR_DOMAIN_AUDIO_FORMAT_DEFAULT)
        format = virDomainAudioFormatTypeToString(audio->format);

    return virJSONValueObjectAdd(json,
                                 "T:mixing-engine", audio->mixingEngine,
                                 "T:fixed-settings", audio->fixedSettings,
                                 "p:frequency", audio->frequency,
                                 "p:channels", audio->channels,
                                 "p:voices", audio->voices,
                                 "S:format", format,
                                 "p:buffer-length", audio->bufferLength,
                                 NULL);
}


/* QEMU opens the file when the guest plays, long after it could open anything
 * by name: the scope library answers for /dev/fd. */
static int
libxlDeviceModelCommandAddSound(virCommand *cmd,
                                const libxlDeviceModelSound *sound,
                                int *fd)
{
    g_autoptr(virJSONValue) input = NULL;
    g_autoptr(virJSONValue) output = NULL;
    g_autoptr(virJSONValue) json = NULL;
    g_autofree char *path = NULL;
    g_autofree char *audiodev = NULL;

    if (*fd >= 0) {
        path = g_strdup_printf("/dev/fd/%d", *fd);
        libxlDeviceModelCommandTakeFD(cmd, fd);
    }

    if (libxlDeviceModelAudioToJSON(&sound->input, &input) < 0 ||
        libxlDeviceModelAudioToJSON(&sound->output, &output) < 0 ||
        virJSONValueObjectAdd(&json,
                              "s:driver", path ? "wav" : "none",
                              "s:id", LIBXL_DEVICE_MODEL_ALIAS_AUDIO,
                              "p:timer-period", sound->timerPeriod,
                              "A:in", &input,
                              "A:out", &output,
                              "S:path", path,
                              NULL) < 0 ||
        !(audiodev = virJSONValueToString(json, false)))
        return -1;

    virCommandAddArgList(cmd, "-audiodev", audiodev, "-device", NULL);

    if (sound->codec) {
        virCommandAddArgFormat(cmd, "%s,id=%s,addr=0x%02x",
                               sound->driver, LIBXL_DEVICE_MODEL_ALIAS_SOUND, sound->slot);
        virCommandAddArg(cmd, "-device");
        virCommandAddArgFormat(cmd, "%s,bus=%s.0,audiodev=%s", sound->codec,
                               LIBXL_DEVICE_MODEL_ALIAS_SOUND, LIBXL_DEVICE_MODEL_ALIAS_AUDIO);
    } else {
        virCommandAddArgFormat(cmd, "%s,id=%s,audiodev=%s,addr=0x%02x", sound->driver,
                               LIBXL_DEVICE_MODEL_ALIAS_SOUND, LIBXL_DEVICE_MODEL_ALIAS_AUDIO,
                               sound->slot);
    }

    return 0;
}


static int
libxlDeviceModelCommandAddDisks(virCommand *cmd,
                                const libxlDeviceModelConfig *config,
                                libxlDeviceModelFDs *fds,
                                unsigned int *fdset)
{
    size_t i;

    for (i = 0; i < config->ndisks; i++) {
        if (libxlDeviceModelCommandAddDisk(cmd, &config->disks[i],
                                           &fds->disks[i], fdset) < 0)
            return -1;
    }

    return 0;
}


static void
libxlDeviceModelCommandAddSerials(virCommand *cmd,
                                  const libxlDeviceModelConfig *config,
                                  libxlDeviceModelFDs *fds,
                                  unsigned int *fdset)
{
    size_t i;

    for (i = 0; i < config->nserials; i++)
        libxlDeviceModelCommandAddSerial(cmd, &config->serials[i],
                                         &fds->serials[i], fdset);
}


static int
libxlDeviceModelCommandAddCapability(virCommand *cmd,
                                     const libxlDeviceModelConfig *config,
                                     virDomainDeviceModelCapability cap,
                                     libxlDeviceModelFDs *fds,
                                     unsigned int *fdset)
{
    switch (cap) {
    case VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_IDE:
        return libxlDeviceModelCommandAddDisks(cmd, config, fds, fdset);

    case VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_SERIAL:
        libxlDeviceModelCommandAddSerials(cmd, config, fds, fdset);
        return 0;

    case VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_AUDIO:
        return libxlDeviceModelCommandAddSound(cmd, config->sound, &fds->sound);

    /* never a secondary's */
    case VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_UI:
    case VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_LAST:
        break;
    }

    return 0;
}


static int
libxlDeviceModelCommandAddDevices(virCommand *cmd,
                                  const libxlDeviceModelConfig *config,
                                  libxlDeviceModelFDs *fds)
{
    virDomainDeviceModelCapability cap;
    unsigned int fdset = 1;
    size_t i;

    for (i = 0; i < config->nnics; i++)
        libxlDeviceModelCommandAddNIC(cmd, &config->nics[i], &fds->taps[i]);

    for (cap = 0; cap < VIR_DOMAIN_DEVICE_MODEL_CAPABILITY_LAST; cap++) {
        if ((config->capabilities & (1U << cap)) &&
            libxlDeviceModelCommandAddCapability(cmd, config, cap, fds, &fdset) < 0)
            return -1;
    }

    return 0;
}


/**
 * libxlDeviceModelCommandNew:
 * @config: configuration of the secondary
 * @fds: its open files; the command takes them and sets them to -1
 * @scopeLibrary: path of the scope library
 * @debug: whether the scope library logs each decision
 *
 * The process starts stopped (-S), so that the driver can look at what it
 * registered with Xen before it serves anything.  For the same reason it waits for the
 * state that it is to go on with: BARs are in that, which are taken for the board's before
 * the scope is sealed.
 *
 * Returns the command, which the caller completes (log, pid file), runs and
 * frees, or NULL with an error.
 */
virCommand *
libxlDeviceModelCommandNew(const libxlDeviceModelConfig *config,
                           libxlDeviceModelFDs *fds,
                           const char *scopeLibrary,
                           bool debug)
{
    g_autoptr(virCommand) cmd = virCommandNew(config->emulator);

    libxlDeviceModelCommandAddScope(cmd, config, fds, scopeLibrary, debug);

    virCommandAddArg(cmd, "-xen-domid");
    virCommandAddArgFormat(cmd, "%u", config->domid);
    libxlDeviceModelCommandAddName(cmd, config);
    virCommandAddArgList(cmd,
                         "-no-shutdown", "-nodefaults", "-no-user-config",
                         "-display", "none", "-vga", "none",
                         "-machine", "xenfv,suppress-vmdesc=on",
                         "-S", NULL);
    virCommandAddArg(cmd, "-m");
    virCommandAddArgFormat(cmd, "%llu", config->machine.memory);
    virCommandAddArg(cmd, "-smp");
    virCommandAddArgFormat(cmd, "%u", config->machine.vcpus);

    libxlDeviceModelCommandAddMonitor(cmd, &fds->monitor);

    if (libxlDeviceModelCommandAddDevices(cmd, config, fds) < 0)
        return NULL;

    if (config->incoming)
        virCommandAddArgList(cmd, "-incoming", "defer", NULL);

    return g_steal_pointer(&cmd);
}
