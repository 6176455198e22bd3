/*
 * libxldevicemodeltestxenstore.c: a stand-in for xenstore
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include <xenstore.h>

#include "libxldevicemodeltestxenstore.h"

#include "testutils.h"

#define VIR_FROM_THIS VIR_FROM_NONE

testStoreState testStore;


static bool
testStoreFails(const char *call,
               const char *path)
{
    if (STRNEQ_NULLABLE(testStore.fails, call) ||
        (testStore.path && STRNEQ_NULLABLE(testStore.path, path)))
        return false;

    errno = EACCES;
    return true;
}


struct xs_handle *
xs_open(unsigned long flags G_GNUC_UNUSED)
{
    if (testStoreFails("open", NULL))
        return NULL;

    testStore.nopen++;
    return (struct xs_handle *)&testStore;
}


void
xs_close(struct xs_handle *xs G_GNUC_UNUSED)
{
    testStore.nopen--;
}


bool
xs_write(struct xs_handle *h G_GNUC_UNUSED,
         xs_transaction_t t G_GNUC_UNUSED,
         const char *path,
         const void *data,
         unsigned int len)
{
    if (testStoreFails("write", path))
        return false;

    g_hash_table_insert(testStore.entries, g_strdup(path), g_strndup(data, len));
    return true;
}


void *
xs_read(struct xs_handle *h G_GNUC_UNUSED,
        xs_transaction_t t G_GNUC_UNUSED,
        const char *path,
        unsigned int *len G_GNUC_UNUSED)
{
    const char *value;

    if (testStoreFails("read", path))
        return NULL;

    if (!(value = g_hash_table_lookup(testStore.entries, path)))
        errno = ENOENT;
    return g_strdup(value);
}


static GHashTable *
testStoreCopy(GHashTable *entries)
{
    GHashTable *copy = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    GHashTableIter iter;
    gpointer key;
    gpointer value;

    g_hash_table_iter_init(&iter, entries);
    while (g_hash_table_iter_next(&iter, &key, &value))
        g_hash_table_insert(copy, g_strdup(key), g_strdup(value));

    return copy;
}


/* There is one at a time. */
xs_transaction_t
xs_transaction_start(struct xs_handle *h G_GNUC_UNUSED)
{
    if (testStoreFails("start", NULL))
        return XBT_NULL;

    testStore.ntransactions++;
    testStore.before = testStoreCopy(testStore.entries);
    return 1;
}


bool
xs_transaction_end(struct xs_handle *h G_GNUC_UNUSED,
                   xs_transaction_t t G_GNUC_UNUSED,
                   bool abort)
{
    g_autoptr(GHashTable) before = g_steal_pointer(&testStore.before);

    testStore.ntransactions--;
    if (abort)
        return true;

    if (testStoreFails("end", NULL))
        return false;

    if (testStore.conflicts > 0) {
        testStore.conflicts--;
        g_hash_table_unref(testStore.entries);
        testStore.entries = g_steal_pointer(&before);
        errno = EAGAIN;
        return false;
    }

    return true;
}


static gboolean
testStoreIsBelow(gpointer key,
                 gpointer value G_GNUC_UNUSED,
                 gpointer opaque)
{
    g_autofree char *folder = g_strconcat(opaque, "/", NULL);

    return STREQ(key, opaque) || STRPREFIX(key, folder);
}


bool
xs_rm(struct xs_handle *h G_GNUC_UNUSED,
      xs_transaction_t t G_GNUC_UNUSED,
      const char *path)
{
    if (testStoreFails("rm", path))
        return false;

    if (g_hash_table_foreach_remove(testStore.entries, testStoreIsBelow, (gpointer)path) > 0)
        return true;

    errno = ENOENT;
    return false;
}


/* Names do not matter, only whether there are any. */
char **
xs_directory(struct xs_handle *h G_GNUC_UNUSED,
             xs_transaction_t t G_GNUC_UNUSED,
             const char *path,
             unsigned int *num)
{
    GHashTableIter iter;
    gpointer key;

    *num = 0;
    g_hash_table_iter_init(&iter, testStore.entries);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        if (STRNEQ(key, path) && testStoreIsBelow(key, NULL, (gpointer)path))
            (*num)++;
    }

    return calloc(1, sizeof(char *));
}


/**
 * testStoreReset:
 *
 * Empties the store, in which nothing fails any more.
 */
void
testStoreReset(void)
{
    g_clear_pointer(&testStore.entries, g_hash_table_unref);
    memset(&testStore, 0, sizeof(testStore));
    testStore.entries = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
}


/**
 * testStoreCheck:
 * @expected: the entries, as "path=value" lines in order of the paths
 *
 * Returns 0 where these are the entries and every connection and transaction was
 * ended, -1 otherwise.
 */
int
testStoreCheck(const char *expected)
{
    g_autoptr(GList) keys = g_list_sort(g_hash_table_get_keys(testStore.entries),
                                        (GCompareFunc)strcmp);
    g_auto(virBuffer) buf = VIR_BUFFER_INITIALIZER;
    GList *key;

    for (key = keys; key; key = key->next)
        virBufferAsprintf(&buf, "%s=%s\n", (char *)key->data,
                          (char *)g_hash_table_lookup(testStore.entries, key->data));

    if (testStore.nopen != 0 || testStore.ntransactions != 0) {
        VIR_TEST_VERBOSE("%u connections and %u transactions are open",
                         testStore.nopen, testStore.ntransactions);
        return -1;
    }

    return virTestCompareToString(expected, NULLSTR_EMPTY(virBufferCurrentContent(&buf)));
}
