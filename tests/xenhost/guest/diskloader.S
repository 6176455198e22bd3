/*
 * diskloader.S: a boot sector that starts the Linux of its disk
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Reads the SECTORS sectors behind itself, Linux's real mode part and its command
 * line, to SETUP, and enters the former as a boot loader does
 * (Documentation/arch/x86/boot.rst).  Who has made the disk has filled in what a
 * boot loader has to say, and put the rest of Linux where that part looks for it.
 */

#define SEGMENT (SETUP >> 4)

    .code16
    .globl _start
_start:
    ljmpw   $0, $1f
1:  xorw    %ax, %ax
    movw    %ax, %ds
    movw    %ax, %ss
    movw    $_start, %sp
    cld

    /* the BIOS gives the number of the boot disk in %dl */
    movb    $0x42, %ah
    movw    $request, %si
    int     $0x13
    jc      failed

    movw    $SEGMENT, %ax
    movw    %ax, %ds
    movw    %ax, %es
    movw    %ax, %fs
    movw    %ax, %gs
    movw    %ax, %ss
    movw    $STACK, %sp
    ljmpw   $(SEGMENT + 0x20), $0

    /* nobody hears it, as the first serial port may be a terminal of its own */
failed:
    sti
1:  hlt
    jmp     1b

request:
    .byte   16, 0
    .word   SECTORS, 0, SEGMENT
    .quad   1

    .org    510
    .word   0xaa55
