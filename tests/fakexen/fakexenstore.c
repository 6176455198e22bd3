/*
 * fakexenstore.c: a stand-in for libxenstore
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Prints the calls that reach it.  Every path exists, and every call succeeds.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenstore.h>


char **
xs_directory(struct xs_handle *h __attribute__((unused)),
             xs_transaction_t t __attribute__((unused)),
             const char *path,
             unsigned int *num)
{
    printf("  store directory %s\n", path);
    *num = 0;
    return malloc(sizeof(char *));
}


void *
xs_read(struct xs_handle *h __attribute__((unused)),
        xs_transaction_t t __attribute__((unused)),
        const char *path,
        unsigned int *len)
{
    printf("  store read %s\n", path);
    *len = strlen("value");
    return strdup("value");
}


bool
xs_write(struct xs_handle *h __attribute__((unused)),
         xs_transaction_t t __attribute__((unused)),
         const char *path,
         const void *data,
         unsigned int len)
{
    printf("  store write %s %.*s\n", path, (int)len, (const char *)data);
    return true;
}


bool
xs_mkdir(struct xs_handle *h __attribute__((unused)),
         xs_transaction_t t __attribute__((unused)),
         const char *path)
{
    printf("  store mkdir %s\n", path);
    return true;
}


bool
xs_rm(struct xs_handle *h __attribute__((unused)),
      xs_transaction_t t __attribute__((unused)),
      const char *path)
{
    printf("  store rm %s\n", path);
    return true;
}


bool
xs_set_permissions(struct xs_handle *h __attribute__((unused)),
                   xs_transaction_t t __attribute__((unused)),
                   const char *path,
                   struct xs_permissions *perms __attribute__((unused)),
                   unsigned int num_perms)
{
    printf("  store permissions %s %u\n", path, num_perms);
    return true;
}


bool
xs_watch(struct xs_handle *h __attribute__((unused)),
         const char *path,
         const char *token)
{
    printf("  store watch %s %s\n", path, token);
    return true;
}


bool
xs_unwatch(struct xs_handle *h __attribute__((unused)),
           const char *path,
           const char *token)
{
    printf("  store unwatch %s %s\n", path, token);
    return true;
}
