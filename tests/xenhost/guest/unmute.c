/*
 * unmute.c: open all volumes of the test guest's first sound card
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Linux starts a sound card muted, and busybox has no mixer.  Built without a C
 * library, which would be most of it.
 */

#define SYS_open 2
#define SYS_ioctl 16
#define SYS_exit 60

#define O_RDWR 2
#define SOUND_MIXERS 25
/* _IOWR('M', number, int) of linux/soundcard.h */
#define MIXER_WRITE(number) (0xc0044d00UL | (number))

static long
call(long number, unsigned long a, unsigned long b, unsigned long c)
{
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c)
                     : "rcx", "r11", "memory");
    return result;
}


void
_start(void)
{
    static const char path[] = "/dev/mixer";
    long fd = call(SYS_open, (unsigned long)path, O_RDWR, 0);
    int opened = 0;
    unsigned long i;

    for (i = 0; fd >= 0 && i < SOUND_MIXERS; i++) {
        int volume = 100 | 100 << 8;

        if (call(SYS_ioctl, fd, MIXER_WRITE(i), (unsigned long)&volume) == 0)
            opened++;
    }

    call(SYS_exit, opened > 0 ? 0 : 1, 0, 0);
}
