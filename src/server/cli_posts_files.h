/* cli_posts_files.h - files of posts, written out under names that are safe whatever visitors called them. */
#ifndef PST_SERVER_CLI_POSTS_FILES_H
#define PST_SERVER_CLI_POSTS_FILES_H

#include <stddef.h>

#include <postern/store.h>

enum { PST_CLI_POSTS_NAME_BYTES = 240 };

/* "BOX-ID-NUMBER-" and what letters, digits, dots, dashes and underscores the end of the client's name has;
 * its folders are left out. */
void pst_cli_posts_file_name(char ret_name[PST_CLI_POSTS_NAME_BYTES], const struct pst_post *post,
                             const struct pst_post_file *file);

/* Opens dir, which is made (for this user only) where it is missing. Returns 0 or a positive errno. */
int pst_cli_posts_files_open(const char *dir, int *ret_dir_fd);

/* Writes all files of the post there; one of the same name is replaced at once, never half, and links are not
 * followed. Returns 0, or PST_E_*, with one line in why; *count grows with each. */
int pst_cli_posts_files_write(struct pst_store *store, const struct pst_post *post, int dir_fd,
                              uint64_t *count, char *why, size_t why_size);

#endif
