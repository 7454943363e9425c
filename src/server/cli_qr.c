/* cli_qr.c - a QR code on a terminal. */
#include "server/cli_qr.h"

#if defined(POSTERN_HAS_QRENCODE)
#include <qrencode.h>
#endif

enum { MARGIN = 4 };

static bool is_light(const unsigned char *modules, unsigned width, unsigned row, unsigned column)
{
    if (row < MARGIN || column < MARGIN || row >= width + MARGIN || column >= width + MARGIN)
        return true;
    return !(modules[(row - MARGIN) * width + column - MARGIN] & 1U);
}

void pst_cli_qr_draw(FILE *out, const unsigned char *modules, unsigned width)
{
    static const char *const blocks[2][2] = {{" ", "\xe2\x96\x84"}, {"\xe2\x96\x80", "\xe2\x96\x88"}};
    unsigned all = width + 2 * MARGIN;
    for (unsigned row = 0; row < all; row += 2) {
        fputs("  \x1b[97;40m", out); /* a reader wants dark on light, whatever the terminal's colours */
        for (unsigned column = 0; column < all; column++)
            fputs(blocks[is_light(modules, width, row, column)]
                        [row + 1 < all && is_light(modules, width, row + 1, column)],
                  out);
        fputs("\x1b[0m\n", out);
    }
}

bool pst_cli_qr_print(FILE *out, const char *text)
{
#if defined(POSTERN_HAS_QRENCODE)
    QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_M);
    if (!code)
        return false;
    pst_cli_qr_draw(out, code->data, (unsigned)code->width);
    QRcode_free(code);
    return true;
#else
    (void)out;
    (void)text;
    return false;
#endif
}
