/*
 * libxldevicemodeltestconfig.c: the configuration of a secondary as text
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "libxldevicemodeltestconfig.h"

#include "libxl/libxl_devicemodel_claims.h"

#define VIR_FROM_THIS VIR_FROM_LIBXL


static virJSONValue *
testNICToJSON(const libxlDeviceModelNIC *nic)
{
    g_autoptr(virJSONValue) json = NULL;
    char macstr[VIR_MAC_STRING_BUFLEN];

    if (virJSONValueObjectAdd(&json,
                              "u:net", (unsigned int)nic->idx,
                              "s:driver", nic->driver,
                              "s:mac", virMacAddrFormat(&nic->mac, macstr),
                              "u:slot", nic->slot,
                              "p:mtu", nic->mtu,
                              "B:down", nic->down,
                              NULL) < 0)
        return NULL;

    return g_steal_pointer(&json);
}


static virJSONValue *
testDiskToJSON(const libxlDeviceModelDisk *disk)
{
    g_autoptr(virJSONValue) json = NULL;

    if (virJSONValueObjectAdd(&json,
                              "u:disk", (unsigned int)disk->idx,
                              "u:bus", disk->bus,
                              "u:unit", disk->unit,
                              "B:cdrom", disk->cdrom,
                              "B:readonly", disk->readonly,
                              "B:shared", disk->shared,
                              "B:direct", disk->direct,
                              "B:noflush", disk->noflush,
                              "B:writethrough", disk->writethrough,
                              "B:unmap", disk->unmap,
                              "S:serial", disk->serial,
                              NULL) < 0)
        return NULL;

    return g_steal_pointer(&json);
}


static virJSONValue *
testSerialToJSON(const libxlDeviceModelSerial *serial)
{
    g_autoptr(virJSONValue) json = NULL;

    if (virJSONValueObjectAdd(&json,
                              "u:serial", (unsigned int)serial->idx,
                              "u:port", serial->port,
                              "s:type", virDomainChrTypeToString(serial->type),
                              "B:listen", serial->listen,
                              "B:telnet", serial->telnet,
                              NULL) < 0)
        return NULL;

    return g_steal_pointer(&json);
}


static int
testDevicesToJSON(const libxlDeviceModelConfig *config,
                  virJSONValue *nics,
                  virJSONValue *disks,
                  virJSONValue *serials)
{
    size_t i;

    for (i = 0; i < config->nnics; i++) {
        g_autoptr(virJSONValue) nic = testNICToJSON(&config->nics[i]);

        if (!nic || virJSONValueArrayAppend(nics, &nic) < 0)
            return -1;
    }

    for (i = 0; i < config->ndisks; i++) {
        g_autoptr(virJSONValue) disk = testDiskToJSON(&config->disks[i]);

        if (!disk || virJSONValueArrayAppend(disks, &disk) < 0)
            return -1;
    }

    for (i = 0; i < config->nserials; i++) {
        g_autoptr(virJSONValue) serial = testSerialToJSON(&config->serials[i]);

        if (!serial || virJSONValueArrayAppend(serials, &serial) < 0)
            return -1;
    }

    return 0;
}


static int
testAudioToJSON(const virDomainAudioIOCommon *audio,
                virJSONValue **json)
{
    const char *format = NULL;

    if (audio->format != VIR_DOMAIN_AUDIO_FORMAT_DEFAULT)
        format = virDomainAudioFormatTypeToString(audio->format);

    return virJSONValueObjectAdd(json,
                                 "T:mixingEngine", audio->mixingEngine,
                                 "T:fixedSettings", audio->fixedSettings,
                                 "p:frequency", audio->frequency,
                                 "p:channels", audio->channels,
                                 "p:voices", audio->voices,
                                 "S:format", format,
                                 "p:bufferLength", audio->bufferLength,
                                 NULL);
}


static int
testSoundToJSON(const libxlDeviceModelSound *sound,
                virJSONValue **json)
{
    g_autoptr(virJSONValue) input = NULL;
    g_autoptr(virJSONValue) output = NULL;

    if (!sound)
        return 0;

    if (testAudioToJSON(&sound->input, &input) < 0 ||
        testAudioToJSON(&sound->output, &output) < 0)
        return -1;

    return virJSONValueObjectAdd(json,
                                 "s:driver", sound->driver,
                                 "S:codec", sound->codec,
                                 "u:slot", sound->slot,
                                 "B:file", sound->file,
                                 "p:timerPeriod", sound->timerPeriod,
                                 "A:input", &input,
                                 "A:output", &output,
                                 NULL);
}


/**
 * libxlDeviceModelTestConfigToJSON:
 * @config: configuration of a secondary
 *
 * Returns all of @config as JSON, to be freed, or NULL with an error.
 */
virJSONValue *
libxlDeviceModelTestConfigToJSON(const libxlDeviceModelConfig *config)
{
    g_autoptr(virJSONValue) json = NULL;
    g_autoptr(virJSONValue) nics = virJSONValueNewArray();
    g_autoptr(virJSONValue) disks = virJSONValueNewArray();
    g_autoptr(virJSONValue) serials = virJSONValueNewArray();
    g_autoptr(virJSONValue) sound = NULL;
    g_autofree char *scope = libxlDeviceModelClaimsFormat(config);

    if (testDevicesToJSON(config, nics, disks, serials) < 0 ||
        testSoundToJSON(config->sound, &sound) < 0)
        return NULL;

    if (virJSONValueObjectAdd(&json,
                              "u:id", config->id,
                              "s:name", config->name,
                              "S:emulator", config->emulator,
                              "U:memory", config->machine.memory,
                              "u:vcpus", config->machine.vcpus,
                              "s:scope", scope,
                              "a:nics", &nics,
                              "a:disks", &disks,
                              "a:serials", &serials,
                              "A:sound", &sound,
                              NULL) < 0)
        return NULL;

    return g_steal_pointer(&json);
}
