/* assets.c - serving files from within the program. */
#include "handlers/assets.h"

#include <postern/http.h>

#include "handlers/page.h"

const struct pst_asset *pst_asset_find(struct pst_slice name)
{
    for (const struct pst_asset *asset = pst_assets; asset->name; asset++) {
        if (pst_slice_eq(name, pst_slice_str(asset->name)))
            return asset;
    }
    return NULL;
}

void pst_asset_reply(struct pst_exchange *ex, const struct pst_asset *asset)
{
    struct pst_slice query = pst_exchange_query(ex), etag = pst_slice_str(asset->etag), match;
    bool is_exact = pst_slice_starts(query, PST_SLICE("v=")) &&
                    pst_slice_eq(pst_slice_of(query.ptr + 2, query.len - 2), pst_slice_str(asset->tag));
    int err = pst_reply_field_ref(ex, PST_SLICE("ETag"), etag);
    if (!err)
        err = pst_reply_field_ref(ex, PST_SLICE("Cache-Control"),
                                  is_exact ? PST_SLICE("public, max-age=31536000, immutable")
                                           : PST_SLICE("no-cache"));
    /* RFC 9110 13.1.2 If-None-Match */
    if (!err && pst_exchange_field(ex, "If-None-Match", &match) && pst_http_etag_weak_match(match, etag)) {
        err = pst_reply_status(ex, 304);
        if (!err)
            err = pst_reply_empty(ex);
    } else if (!err) {
        err = pst_reply_field_ref(ex, PST_SLICE("Content-Type"), pst_slice_str(asset->type));
        if (!err)
            err = pst_reply_field_ref(ex, PST_SLICE("X-Content-Type-Options"), PST_SLICE("nosniff"));
        if (!err)
            err = pst_reply_bytes(ex, asset->data, asset->len);
    }
    if (err)
        pst_page_give_up(ex);
}
