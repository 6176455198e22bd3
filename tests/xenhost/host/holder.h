/*
 * holder.h: what the kernel lets somebody do with a file who has it open
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include <sys/types.h>

void holderPrepare(void);

void holderTry(int fd,
               const char *what,
               pid_t other);

void holderTryOwn(void);

void holderTryDisk(int fd,
                   const char *what);

void holderTryOpening(int fd,
                      const char *what);

void holderTryPassing(int fd,
                      const char *what,
                      int socket);

int holderSend(int socket,
               int fd,
               const char *what);

int holderReceive(int socket,
                  char *what,
                  size_t len);

void holderTryRequests(int fd,
                       const char *what);
