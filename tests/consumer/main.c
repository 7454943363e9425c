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
    /* Reaches through the whole library, down to Mbed TLS, so that a symbol left out of an archive is missed.
     */
    struct pst_server *server = NULL;
    if (pst_server_new(&server) != 0) {
        fprintf(stderr, "no server could be made\n");
        return 1;
    }
    pst_server_free(server);
    printf("postern %s with %s\n", pst_version(), pst_tls_version());
    return 0;
}
