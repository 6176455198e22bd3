/*
 * fuzzreplay.c: gives a fuzzer every input of a corpus
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What libFuzzer does with a folder, without libFuzzer: so a corpus, and what
 * fuzzing added to it, is a test that any compiler builds.
 */

#include <config.h>

#include <stdlib.h>

#include "fuzzutils.h"

#include "virfile.h"

#define FUZZ_INPUT_MAX (1024 * 1024)


static int
fuzzReplayFile(const char *folder,
               const char *name)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_autofree char *input = NULL;
    int len;

    if ((len = virFileReadAll(path, FUZZ_INPUT_MAX, &input)) < 0) {
        fprintf(stderr, "cannot read '%s'\n", path);
        return -1;
    }

    /* the last one is the one that ended the process */
    printf("%s\n", path);
    fflush(stdout);

    LLVMFuzzerTestOneInput((const uint8_t *)input, len);
    return 0;
}


int
main(int argc,
     char **argv)
{
    g_autoptr(GDir) dir = NULL;
    const char *name;
    size_t count = 0;

    if (argc != 2) {
        fprintf(stderr, "usage: %s CORPUS\n", argv[0]);
        return EXIT_FAILURE;
    }

    if (!(dir = g_dir_open(argv[1], 0, NULL))) {
        fprintf(stderr, "cannot open the folder '%s'\n", argv[1]);
        return EXIT_FAILURE;
    }

    LLVMFuzzerInitialize(&argc, &argv);

    while ((name = g_dir_read_name(dir))) {
        if (fuzzReplayFile(argv[1], name) < 0)
            return EXIT_FAILURE;
        count++;
    }

    if (count == 0) {
        fprintf(stderr, "the folder '%s' is empty\n", argv[1]);
        return EXIT_FAILURE;
    }

    printf("%zu inputs\n", count);
    return EXIT_SUCCESS;
}
