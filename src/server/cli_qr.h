/* cli_qr.h - a QR code on a terminal, for the camera of a phone. */
#ifndef PST_SERVER_CLI_QR_H
#define PST_SERVER_CLI_QR_H

#include <stdbool.h>
#include <stdio.h>

/* Draws a square of width x width modules, row by row, dark where the lowest bit is set: two rows a line by
 * UTF-8's half blocks, in white on black, with the margin that readers need (ISO/IEC 18004 6.3.8: 4 modules).
 */
void pst_cli_qr_draw(FILE *out, const unsigned char *modules, unsigned width);
/* Draws text as a code of the byte mode. False where postern was built without libqrencode, or it failed. */
bool pst_cli_qr_print(FILE *out, const char *text);

#endif
