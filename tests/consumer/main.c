/* A program by somebody else: it knows <postern/...> and nothing more of this tree. */
#include <postern/postern.h>

#include <stdio.h>
#include <string.h>

int main(void)
{
    if (strcmp(pst_version(), PST_VERSION_STRING) != 0) {
        fprintf(stderr, "headers are %s, the library is %s\n", PST_VERSION_STRING, pst_version());
        return 1;
    }
    /* Reaches through the whole library, down to Mbed TLS and SQLite, so that a symbol left out of an archive
     * is missed. */
    struct pst_server *server = NULL;
    if (pst_server_new(&server) != 0) {
        fprintf(stderr, "no server could be made\n");
        return 1;
    }
    pst_server_free(server);
    struct pst_store *store = NULL;
    const struct pst_store_options options = {.mode = PST_STORE_VISIT};
    char why[256] = "";
    if (pst_store_open(&store, "folder-that-is-not-there", &options, why, sizeof why) != PST_E_NOENT) {
        fprintf(stderr, "a store was opened where there is none: %s\n", why);
        return 1;
    }
    printf("postern %s with %s\n", pst_version(), pst_tls_version());
    return 0;
}
