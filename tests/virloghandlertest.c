/*
 * virloghandlertest.c: what virtlogd writes to a log, and when
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The source of virtlogd's handler is a part of this test, which says how a log's
 * pipe is read.  The event loop never runs: a case calls what it would call.
 */

#include <config.h>

#include <fcntl.h>
#include <unistd.h>

#include "testutils.h"

/* What reads a pipe, here a process that writes as fast as it is read. */
#define read testRead
static ssize_t testRead(int fd, void *buf, size_t len);
#include "logging/log_handler.c" /* NOLINT(bugprone-suspicious-include) */
#undef read

/* What the process writes, and all that it ever writes. */
#define TEST_LINE "line\n"
#define TEST_ENOUGH 1000
/* More than is read at a time, and no more than fits into a packet: bytes. */
#define TEST_PACKET 4096
/* What no answer takes: seconds. */
#define TEST_PATIENCE 20

static char *testPath; /* of the log */

/* The process. */
static struct {
    int fd;
    bool endless; /* it writes whenever it is read */
    size_t nlines; /* read so far */
} testProcess;


int
virLogCleanerInit(virLogHandler *handler G_GNUC_UNUSED)
{
    return 0;
}


void
virLogCleanerShutdown(virLogHandler *handler G_GNUC_UNUSED)
{
}


static void
testInhibit(bool inhibit G_GNUC_UNUSED,
            void *opaque G_GNUC_UNUSED)
{
}


static void
testWrite(void)
{
    if (safewrite(testProcess.fd, TEST_LINE, strlen(TEST_LINE)) < 0)
        abort();
}


static ssize_t
testRead(int fd,
         void *buf,
         size_t len)
{
    ssize_t got = read(fd, buf, len);

    testProcess.nlines++;
    if (testProcess.endless && testProcess.nlines < TEST_ENOUGH)
        testWrite();

    return got;
}


/* What asks for a log. */
typedef enum {
    TEST_READ = 0,
    TEST_POSITION,
} testQuestion;


static int
testAsk(virLogHandler *handler,
        testQuestion question,
        ino_t inode,
        off_t *end)
{
    g_autofree char *text = NULL;

    if (question == TEST_POSITION)
        return virLogHandlerDomainGetLogFilePosition(handler, testPath, 0, &inode, end);

    if (!(text = virLogHandlerDomainReadLogFile(handler, testPath, inode, 0, 1024, 0)))
        return -1;

    *end = strlen(text);
    return STRPREFIX(text, TEST_LINE) ? 0 : -1;
}


static int
testCheck(const char *when,
          off_t end,
          size_t nlines)
{
    if (end == nlines * strlen(TEST_LINE) && testProcess.nlines == nlines)
        return 0;

    VIR_TEST_VERBOSE("%s: %zu lines were read, and the log ends at %lld; expected %zu lines",
                     when, testProcess.nlines, (long long)end, nlines);
    return -1;
}


/* What was written is there, and what is written meanwhile is not waited for: it
 * comes with the next events, of which the first may be one that was under way. */
static int
testDrain(virLogHandler *handler,
          testQuestion question,
          bool endless,
          ino_t inode)
{
    virLogHandlerLogFile *file = handler->files[0];
    off_t end = -1;

    testProcess.endless = endless;
    testProcess.nlines = 0;
    testWrite();

    if (testAsk(handler, question, inode, &end) < 0 || testCheck("asked", end, 1) < 0)
        return -1;

    if (!endless)
        return 0;

    virLogHandlerDomainLogFileEvent(file->watch, file->pipefd, VIR_EVENT_HANDLE_READABLE, handler);
    virLogHandlerDomainLogFileEvent(file->watch, file->pipefd, VIR_EVENT_HANDLE_READABLE, handler);
    return testCheck("after two events", virRotatingFileWriterGetOffset(file->file), 2);
}


/* A pipe may have packets, of which more is counted than can be read: what does not fit is lost
 * with the rest.  Nobody waits for it. */
static int
testPacket(virLogHandler *handler,
           testQuestion question,
           ino_t inode)
{
    char packet[TEST_PACKET];
    off_t end = -1;

    memset(packet, 'x', sizeof(packet));
    memcpy(packet, TEST_LINE, strlen(TEST_LINE));
    if (fcntl(testProcess.fd, F_SETFL, O_DIRECT) < 0 ||
        safewrite(testProcess.fd, packet, sizeof(packet)) < 0)
        abort();

    /* ends this process */
    alarm(TEST_PATIENCE);
    if (testAsk(handler, question, inode, &end) < 0)
        return -1;

    alarm(0);
    if (end > 0 && end < TEST_PACKET)
        return 0;

    VIR_TEST_VERBOSE("the log ends at %lld", (long long)end);
    return -1;
}


struct testDrainData {
    testQuestion question;
    bool endless;
    bool packet;
};


static int
testDrainRun(const void *opaque)
{
    const struct testDrainData *data = opaque;
    virLogDaemonConfig config = { .max_backups = 1, .max_size = 1024 * 1024 };
    const unsigned char uuid[VIR_UUID_BUFLEN] = { 0 };
    virLogHandler *handler = virLogHandlerNew(false, &config, testInhibit, NULL);
    ino_t inode;
    off_t offset;
    int ret;

    if (!handler ||
        (testProcess.fd = virLogHandlerDomainOpenLogFile(handler, "libxl", uuid, "guest", testPath,
                                                         true, &inode, &offset)) < 0)
        abort();

    if (data->packet)
        ret = testPacket(handler, data->question, inode);
    else
        ret = testDrain(handler, data->question, data->endless, inode);

    VIR_FORCE_CLOSE(testProcess.fd);
    virObjectUnref(handler);
    return ret;
}


static int
mymain(void)
{
    g_autofree char *dir = g_dir_make_tmp("loghandler-XXXXXX", NULL);
    int ret = 0;

    if (!dir || virEventRegisterDefaultImpl() < 0)
        return EXIT_FAILURE;

    testPath = g_strdup_printf("%s/guest.log", dir);

#define DO_TEST(title, ...) \
    do { \
        static const struct testDrainData data = { __VA_ARGS__ }; \
        if (virTestRun(title, testDrainRun, &data) < 0) \
            ret = -1; \
    } while (0)

    DO_TEST("read", .question = TEST_READ);
    DO_TEST("read while a process writes without end", .question = TEST_READ, .endless = true);
    DO_TEST("position", .question = TEST_POSITION);
    DO_TEST("position while a process writes without end", .question = TEST_POSITION,
            .endless = true);
    DO_TEST("read a packet", .question = TEST_READ, .packet = true);
    DO_TEST("position behind a packet", .question = TEST_POSITION, .packet = true);

#undef DO_TEST

    g_free(testPath);
    virFileDeleteTree(dir);
    return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

VIR_TEST_MAIN(mymain)
