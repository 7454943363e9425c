/* cli_listeners.c - which process listens on a TCP port, by /proc/net/tcp and what processes have open. */
#include "server/cli_listeners.h"

#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The socket's number in a table of the kernel; 0 where none listens. proc(5): state 0A is LISTEN. */
static unsigned long find_inode(const char *table, unsigned port)
{
    char line[512];
    unsigned long inode = 0;
    FILE *file = fopen(table, "re");
    if (!file)
        return 0;
    while (!inode && fgets(line, sizeof line, file)) {
        /* sl local_address rem_address st tx:rx tr:tm retrnsmt uid timeout inode */
        char *field[10], *next = NULL;
        size_t count = 0;
        for (char *word = strtok_r(line, " \n", &next); word && count < 10;
             word = strtok_r(NULL, " \n", &next))
            field[count++] = word;
        const char *colon = count == 10 ? strchr(field[1], ':') : NULL;
        if (colon && strtoul(colon + 1, NULL, 16) == port && strcmp(field[3], "0A") == 0)
            inode = strtoul(field[9], NULL, 10);
    }
    (void)fclose(file);
    return inode;
}

static bool has_open(const char *pid, const char *socket)
{
    char path[PATH_MAX], target[64];
    bool is_found = false;
    (void)snprintf(path, sizeof path, "/proc/%.20s/fd", pid);
    DIR *dir = opendir(path);
    if (!dir)
        return false;
    for (const struct dirent *entry = readdir(dir); entry && !is_found; entry = readdir(dir)) {
        ssize_t n = readlinkat(dirfd(dir), entry->d_name, target, sizeof target - 1);
        if (n > 0) {
            target[n] = '\0';
            is_found = strcmp(target, socket) == 0;
        }
    }
    (void)closedir(dir);
    return is_found;
}

static void read_name(const char *pid, char *name, size_t cap)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%.20s/comm", pid);
    FILE *file = fopen(path, "re");
    if (file && fgets(name, (int)cap, file))
        name[strcspn(name, "\n")] = '\0';
    if (file)
        (void)fclose(file);
}

bool pst_cli_listener_find(unsigned port, struct pst_cli_listener *ret_listener)
{
    char socket[64];
    *ret_listener = (struct pst_cli_listener){0};
    unsigned long inode = find_inode("/proc/net/tcp", port);
    if (!inode)
        inode = find_inode("/proc/net/tcp6", port);
    if (!inode)
        return false;
    (void)snprintf(socket, sizeof socket, "socket:[%lu]", inode);
    DIR *dir = opendir("/proc");
    if (!dir)
        return true;
    for (const struct dirent *entry = readdir(dir); entry && !ret_listener->pid; entry = readdir(dir)) {
        if (isdigit((unsigned char)entry->d_name[0]) && has_open(entry->d_name, socket)) {
            ret_listener->pid = (int)strtol(entry->d_name, NULL, 10);
            read_name(entry->d_name, ret_listener->name, sizeof ret_listener->name);
        }
    }
    (void)closedir(dir);
    return true;
}
