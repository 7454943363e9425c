/* cli_data.h - the folder in which the program keeps posts, and what may not lie around it. */
#ifndef PST_SERVER_CLI_DATA_H
#define PST_SERVER_CLI_DATA_H

#include <limits.h>
#include <stdbool.h>

/* The folder where none is named: "postern" in $XDG_DATA_HOME, or in ~/.local/share where that is not set or
 * no absolute path (XDG Base Directory Specification). False where this user has no home, or the name is too
 * long. Makes nothing. */
bool pst_cli_data_default(char ret_folder[PATH_MAX]);

/* Makes the folders above folder that are missing, for this user only. Returns 0 or a positive errno. */
int pst_cli_data_make_parents(const char *folder);

/* The name of folder without links and "..", also where folder itself is not there yet. False where it cannot
 * be found out. */
bool pst_cli_data_resolve(const char *folder, char ret_full[PATH_MAX]);

/* Whether visitors of the folder root could fetch what lies in data: one of them holds the other, and nothing
 * hidden is on the way. Both are resolved names. */
bool pst_cli_data_is_exposed(const char *data, const char *root);

#endif
