/*
 * preloaded.S: a kernel that gives way to one that is in memory already
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Stands behind Linux's real mode part, which enters it as it would the rest of
 * Linux (Documentation/arch/x86/boot.rst, "32-bit Boot Protocol"): %esi is the
 * address of the boot parameters.  KERNEL is where the rest of Linux lies, INITRD
 * and INITRD_SIZE say where the initrd does.
 */

#define CODE32_START 0x214
#define RAMDISK_IMAGE 0x218
#define RAMDISK_SIZE 0x21c

    .code32
    .globl _start
_start:
    movl    $KERNEL, CODE32_START(%esi)
    movl    $INITRD, RAMDISK_IMAGE(%esi)
    movl    $INITRD_SIZE, RAMDISK_SIZE(%esi)
    movl    $KERNEL, %eax
    jmp     *%eax
