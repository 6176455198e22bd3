/*
 * libxldevicemodeltestprimary.c: stands in for the primary of a domain that is saved
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "libxldevicemodeltestprimary.h"

#include "libxldevicemodeltestutils.h"
#include "virfile.h"
#include "virstring.h"
#include "virthread.h"

static struct {
    char *path;
    int listener;
    virThread thread;
    void (*stopped)(void);
} testPrimary;


/* libvirt's libxlmock has one that does nothing. */
int
bind(int fd,
     const struct sockaddr *addr,
     socklen_t len)
{
    return syscall(SYS_bind, fd, addr, len);
}


static void
testPrimaryRun(void *opaque G_GNUC_UNUSED)
{
    int fd;

    while ((fd = accept(testPrimary.listener, NULL, NULL)) >= 0) {
        g_autoptr(GString) in = g_string_new(NULL);
        int passed = -1;

        while (!strchr(in->str, '\n') && libxlDeviceModelTestReceive(fd, in, &passed))
            ;
        if (strstr(in->str, "stop"))
            testPrimary.stopped();
        ignore_value(send(fd, "{\"return\": {}}\r\n", 16, MSG_NOSIGNAL));
        VIR_FORCE_CLOSE(fd);
    }
}


/**
 * testPrimaryStart:
 * @folder: gets the socket
 * @stopped: called in the thread, when it is told to stop
 */
void
testPrimaryStart(const char *folder,
                 void (*stopped)(void))
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };

    testPrimary.stopped = stopped;
    testPrimary.path = g_strdup_printf("%s/qmp", folder);
    if ((testPrimary.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0 ||
        virStrcpyStatic(addr.sun_path, testPrimary.path) < 0 ||
        bind(testPrimary.listener, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
        listen(testPrimary.listener, 1) < 0 ||
        virThreadCreate(&testPrimary.thread, true, testPrimaryRun, NULL) < 0)
        abort();
}


void
testPrimaryEnd(void)
{
    shutdown(testPrimary.listener, SHUT_RDWR);
    virThreadJoin(&testPrimary.thread);
    VIR_FORCE_CLOSE(testPrimary.listener);
    unlink(testPrimary.path);
    g_clear_pointer(&testPrimary.path, g_free);
}


/* Where the socket belongs. */
const char *
testPrimaryGetPath(void)
{
    return testPrimary.path;
}


/* Whether the socket is where it belongs. */
bool
testPrimaryIsBack(void)
{
    g_autofree char *aside = g_strdup_printf("%s.libvirt", testPrimary.path);

    return virFileExists(testPrimary.path) && !virFileExists(aside);
}


/* Says one thing to who has the socket.  Returns whether that was taken. */
bool
testPrimaryTell(const char *line)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    VIR_AUTOCLOSE fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_autoptr(GString) answer = g_string_new(NULL);
    int passed = -1;

    if (fd < 0 || virStrcpyStatic(addr.sun_path, testPrimary.path) < 0 ||
        connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
        safewrite(fd, line, strlen(line)) < 0)
        abort();

    while (!strchr(answer->str, '\n') && libxlDeviceModelTestReceive(fd, answer, &passed))
        ;

    return strstr(answer->str, "return");
}
