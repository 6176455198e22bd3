/*
 * bootsector.S: a guest that fits into a boot sector
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Says on the first serial port
 *
 *   GUEST-USED disk=TEXT mac=MAC
 *
 * where TEXT are the first 16 bytes of the boot disk's second sector, and MAC is
 * what an RTL8139 on bus 0 has in its registers.  "-" stands for what it could
 * not read.  Then it waits for its end.
 */

#define COM1 0x3f8
#define COM1_STATUS (COM1 + 5)
#define COM1_READY 0x20

#define PCI_ADDRESS 0xcf8
#define PCI_DATA 0xcfc
#define PCI_ENABLE 0x80000000
#define PCI_CLASS 0x08
#define PCI_BAR0 0x10
#define PCI_CLASS_ETHERNET 0x0200

#define SECTOR 0x7e00

    .code16
    .globl _start
_start:
    ljmpw   $0, $1f
1:  xorw    %ax, %ax
    movw    %ax, %ds
    movw    %ax, %es
    movw    %ax, %ss
    movw    $_start, %sp
    cld

    /* the BIOS gives the number of the boot disk in %dl */
    movb    $0x42, %ah
    movw    $request, %si
    int     $0x13
    movw    $used, %si
    jnc     1f
    movl    $'-', SECTOR
1:  call    print
    movb    $0, SECTOR + 16
    movw    $SECTOR, %si
    call    print
    movw    $mac, %si
    call    print

    /* the slots from the last to the first */
    movl    $PCI_ENABLE | (31 << 11), %ebx
next:
    movb    $PCI_CLASS, %bl
    call    config
    shrl    $16, %eax
    cmpw    $PCI_CLASS_ETHERNET, %ax
    je      found
    subl    $1 << 11, %ebx
    cmpl    $PCI_ENABLE, %ebx
    jae     next
    movb    $'-', %al
    call    put
    jmp     end

found:
    movb    $PCI_BAR0, %bl
    call    config
    andw    $0xfffc, %ax
    movw    %ax, %bp
    movw    $6, %cx
1:  movw    %bp, %dx
    inb     %dx, %al
    incw    %bp
    pushw   %ax
    shrb    $4, %al
    call    digit
    popw    %ax
    andb    $0xf, %al
    call    digit
    decw    %cx
    jz      end
    movb    $':', %al
    call    put
    jmp     1b

end:
    movw    $newline, %si
    call    print
    /* without interrupts, that would be the end of the domain (hvm_hlt in Xen
     * xen/arch/x86/hvm/hvm.c) */
    sti
1:  hlt
    jmp     1b

/* %ebx: a configuration register; its value to %eax */
config:
    movl    %ebx, %eax
    movw    $PCI_ADDRESS, %dx
    outl    %eax, %dx
    movw    $PCI_DATA, %dx
    inl     %dx, %eax
    ret

/* %si: a string that ends with a zero byte */
1:  call    put
print:
    lodsb
    testb   %al, %al
    jnz     1b
    ret

/* %al: less than 16 */
digit:
    addb    $'0', %al
    cmpb    $'9', %al
    jbe     put
    addb    $'a' - '9' - 1, %al

/* %al: a character */
put:
    pushw   %ax
    movw    $COM1_STATUS, %dx
1:  inb     %dx, %al
    testb   $COM1_READY, %al
    jz      1b
    popw    %ax
    movw    $COM1, %dx
    outb    %al, %dx
    ret

used:
    .asciz  "GUEST-USED disk="
mac:
    .asciz  " mac="
newline:
    .asciz  "\n"

/* one sector, the second, to SECTOR */
request:
    .byte   16, 0
    .word   1, SECTOR, 0
    .quad   1

    .org    510
    .word   0xaa55
