/* cli_cert.h - "postern cert": makes a local CA and the server's certificate. */
#ifndef PST_SERVER_CLI_CERT_H
#define PST_SERVER_CLI_CERT_H

/* argv[0] is the command. The program's exit status: 0 done, 1 it failed, 2 the command line is wrong. */
int pst_cli_cert(int argc, char **argv);

#endif
