/* assets.h - files that handlers serve from within the program: style sheets, scripts, drawings. Made from
 * src/handlers/assets by the build. */
#ifndef PST_HANDLERS_ASSETS_H
#define PST_HANDLERS_ASSETS_H

#include <stddef.h>

#include <postern/exchange.h>

struct pst_asset {
    const char *name; /* "board.css" */
    const char *type;
    const char *tag;  /* names this content: the beginning of its SHA-256, in hexadecimal */
    const char *etag; /* the same in quotes */
    const unsigned char *data;
    size_t len;
};

/* The end has no name. */
extern const struct pst_asset pst_assets[];

/* NULL where there is none. */
const struct pst_asset *pst_asset_find(struct pst_slice name);

/* Replies with the asset. To be kept for ever where the query is "v=" and its tag, else to be asked for
 * again. */
void pst_asset_reply(struct pst_exchange *ex, const struct pst_asset *asset);

#endif
