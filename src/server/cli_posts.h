/* cli_posts.h - "postern posts": reading and removing what was posted, at the command line. */
#ifndef PST_SERVER_CLI_POSTS_H
#define PST_SERVER_CLI_POSTS_H

/* argv[0] is "posts". Returns the exit status, after a line on standard error where it is not 0. */
int pst_cli_posts(int argc, char **argv);

#endif
