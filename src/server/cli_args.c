/* cli_args.c - walking the arguments of a command. */
#include "server/cli_args.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <postern/slice.h>

#include "server/cli_nearest.h"

#define OPTIONS_MAX 64

__attribute__((format(printf, 2, 3))) static enum pst_cli_arg fail(struct pst_cli_args *args,
                                                                   const char *format, ...)
{
    va_list list;
    va_start(list, format);
    (void)vsnprintf(args->error, PST_CLI_ERROR_BYTES, format, list);
    va_end(list);
    return PST_CLI_ARG_WRONG;
}

static enum pst_cli_arg fail_unknown(struct pst_cli_args *args, const char *argument, struct pst_slice name)
{
    const char *names[OPTIONS_MAX];
    size_t count = 0;
    for (; count < args->option_count && count < OPTIONS_MAX; count++)
        names[count] = args->options[count].name;
    const char *nearest = pst_cli_nearest(name, names, count);
    if (nearest)
        return fail(args, "there is no option %.80s: did you mean --%s?", argument, nearest);
    return fail(args, "there is no option %.80s; %s", argument, args->error_hint);
}

static bool find(const struct pst_cli_args *args, struct pst_slice name, size_t *ret_option)
{
    for (size_t i = 0; i < args->option_count; i++) {
        if (pst_slice_eq(name, pst_slice_str(args->options[i].name))) {
            *ret_option = i;
            return true;
        }
    }
    return false;
}

static enum pst_cli_arg take_option(struct pst_cli_args *args, const char *argument, size_t *ret_option,
                                    const char **ret_value)
{
    const char *equals = strchr(argument, '=');
    struct pst_slice name = pst_slice_str(argument + 2);
    if (equals)
        name.len = (size_t)(equals - name.ptr);
    if (!find(args, name, ret_option))
        return fail_unknown(args, argument, name);

    const struct pst_cli_option *option = &args->options[*ret_option];
    if (!option->value)
        return equals ? fail(args, "--%s takes no value", option->name) : PST_CLI_ARG_OPTION;
    const char *value = equals ? equals + 1 : NULL;
    /* What looks like an option is one: a value was forgotten. A value that begins with "--" can still be
     * given by "=". */
    if (!equals && args->next < args->argc && strncmp(args->argv[args->next], "--", 2) != 0)
        value = args->argv[args->next++];
    if (!value || value[0] == '\0')
        return fail(args, "--%s needs a value: --%s %s", option->name, option->name, option->value);
    *ret_value = value;
    return PST_CLI_ARG_OPTION;
}

enum pst_cli_arg pst_cli_args_next(struct pst_cli_args *args, size_t *ret_option, const char **ret_value)
{
    *ret_value = NULL;
    while (args->next < args->argc) {
        const char *argument = args->argv[args->next++];
        if (args->is_over || argument[0] != '-' || argument[1] == '\0') {
            *ret_value = argument;
            return PST_CLI_ARG_WORD;
        }
        if (strcmp(argument, "--") == 0)
            args->is_over = true;
        else if (strcmp(argument, "-h") == 0 && find(args, PST_SLICE("help"), ret_option))
            return PST_CLI_ARG_OPTION;
        else if (argument[1] != '-')
            return fail_unknown(args, argument, pst_slice_str(argument + 1));
        else
            return take_option(args, argument, ret_option, ret_value);
    }
    return PST_CLI_ARG_END;
}
