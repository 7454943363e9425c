/* group.h - operations that share one transaction: what each does to the database and to files/.
 *
 * An operation that is refused (no such box, over a limit) has written nothing, so it does not disturb the
 * others. One that fails half way breaks the group: the caller rolls back, and tries each by itself. */
#ifndef PST_STORE_GROUP_H
#define PST_STORE_GROUP_H

#include "store/internal.h"

/* A box as the transaction has it: read at the first use, written at the end. */
struct pst_group_box {
    char name[PST_BOX_NAME_BYTES];
    size_t name_len;
    int64_t id;
    uint64_t last_id, count, bytes;
    bool is_changed;
};

struct pst_group {
    struct pst_store *store;
    struct pst_db *db;
    uint64_t total_boxes, total_bytes;
    bool has_begun;
    bool is_changed; /* there is something to commit */
    bool has_files;  /* files/ has to be synced */
    bool knows_room; /* the disk was asked */
    uint64_t room;   /* what the posts of this group may still take in the database */
    size_t box_count;
    struct pst_group_box boxes[PST_STORE_GROUP];
    struct pst_blob_list unused; /* contents that a deletion has left without a row */
};

/* Begins the write transaction. */
int pst_group_begin(struct pst_group *group, struct pst_store *store);
/* Applies one operation; op->err is its own outcome. Not 0: the group is broken, for this reason. */
int pst_group_apply(struct pst_group *group, struct pst_op *op);
/* Commits; an error: nothing was, roll back. */
int pst_group_commit(struct pst_group *group);
/* Also after a failed commit. */
void pst_group_roll_back(struct pst_group *group);

#endif
