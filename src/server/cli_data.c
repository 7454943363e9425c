/* cli_data.c - the folder in which the program keeps posts. */
#include "server/cli_data.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <postern/slice.h>

#include "handlers/static_file.h"

/* The environment is asked before there is any other thread. NOLINTBEGIN(concurrency-mt-unsafe) */
static const char *home(void)
{
    const char *dir = getenv("HOME");
    if (dir && dir[0] == '/')
        return dir;
    const struct passwd *user = getpwuid(getuid());
    return user && user->pw_dir && user->pw_dir[0] == '/' ? user->pw_dir : NULL;
}

bool pst_cli_data_default(char ret_folder[PATH_MAX])
{
    int n = -1;
    const char *data = getenv("XDG_DATA_HOME");
    if (data && data[0] == '/') {
        n = snprintf(ret_folder, PATH_MAX, "%s/postern", data);
    } else {
        const char *dir = home();
        if (dir)
            n = snprintf(ret_folder, PATH_MAX, "%s/.local/share/postern", dir);
    }
    return n > 0 && n < PATH_MAX;
}
/* NOLINTEND(concurrency-mt-unsafe) */

/* Without slashes at the end. */
static bool copy_name(char dst[PATH_MAX], const char *name)
{
    int n = snprintf(dst, PATH_MAX, "%s", name);
    if (n <= 0 || n >= PATH_MAX)
        return false;
    for (size_t len = (size_t)n; len > 1 && dst[len - 1] == '/'; len--)
        dst[len - 1] = '\0';
    return true;
}

int pst_cli_data_make_parents(const char *folder)
{
    char path[PATH_MAX];
    if (!copy_name(path, folder))
        return ENAMETOOLONG;
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(path, 0700) != 0 && errno != EEXIST) {
            /* What is there may be closed to us, or on a disk that takes nothing. */
            int why = errno;
            struct stat st;
            if (stat(path, &st) != 0)
                return why;
        }
        *slash = '/';
    }
    return 0;
}

bool pst_cli_data_resolve(const char *folder, char ret_full[PATH_MAX])
{
    if (realpath(folder, ret_full))
        return true;
    if (errno != ENOENT)
        return false;
    /* The name of the folder above it, and its own behind that. */
    char path[PATH_MAX], above[PATH_MAX];
    if (!copy_name(path, folder))
        return false;
    char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return false;
    if (slash)
        *slash = '\0';
    if (!realpath(!slash ? "." : path[0] ? path : "/", above))
        return false;
    int n = snprintf(ret_full, PATH_MAX, "%s/%s", strcmp(above, "/") == 0 ? "" : above, name);
    return n > 0 && n < PATH_MAX;
}

/* What of path is behind folder, "" where they are the same; NULL where path is elsewhere. */
static const char *below(const char *path, const char *folder)
{
    size_t len = strcmp(folder, "/") == 0 ? 0 : strlen(folder);
    if (strncmp(path, folder, len) != 0 || (path[len] != '/' && path[len] != '\0'))
        return NULL;
    return path[len] == '/' ? path + len + 1 : path + len;
}

bool pst_cli_data_is_exposed(const char *data, const char *root)
{
    if (below(root, data))
        return true;
    const char *path = below(data, root);
    return path && pst_static_path_served(pst_slice_str(path), true);
}
