/*
 * Runs a fuzz target over every file of the folders (or files) named on its command line: what keeps a corpus
 * honest where there is no fuzzer. Finding nothing to run is a failure, so a lost corpus cannot pass for a
 * clean one.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static long files_run;

static void die(const char *what, const char *path)
{
    fprintf(stderr, "replay: %s %s: %s\n", what, path, strerror(errno));
    exit(1);
}

static void run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        die("open", path);
    }
    if (fseek(file, 0, SEEK_END) != 0) {
        die("seek", path);
    }
    long size = ftell(file);
    if (size < 0) {
        die("size of", path);
    }
    rewind(file);
    /* Exactly as large as the input, so that a sanitizer sees the first byte read past it. */
    uint8_t *data = malloc(size > 0 ? (size_t)size : 1);
    if (!data) {
        die("memory for", path);
    }
    if (fread(data, 1, (size_t)size, file) != (size_t)size) {
        die("read", path);
    }
    fclose(file);
    (void)LLVMFuzzerTestOneInput(data, (size_t)size);
    free(data);
    files_run++;
}

static void run_path(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        die("look at", path);
    }
    if (!S_ISDIR(st.st_mode)) {
        run_file(path);
        return;
    }
    DIR *dir = opendir(path);
    if (!dir) {
        die("open", path);
    }
    const struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        char child[4096];
        int len = snprintf(child, sizeof child, "%s/%s", path, entry->d_name);
        if (len < 0 || (size_t)len >= sizeof child) {
            errno = ENAMETOOLONG;
            die("name of", path);
        }
        run_path(child);
    }
    closedir(dir);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        run_path(argv[i]);
    }
    printf("replayed %ld inputs\n", files_run);
    return files_run > 0 ? 0 : 1;
}
