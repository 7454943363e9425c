/* The command line: what is accepted, what is refused and how that is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "server/cli_nearest.h"
#include "server/cli_options.h"

#define ARGS_MAX 12

/* The arguments up to the first NULL. */
static bool parse(struct pst_cli *cli, char error[PST_CLI_ERROR_BYTES], const char *const args[ARGS_MAX])
{
    char *argv[ARGS_MAX + 2];
    int argc = 1;
    argv[0] = strdup("postern");
    for (; argc <= ARGS_MAX && args[argc - 1]; argc++)
        argv[argc] = (char *)(uintptr_t)args[argc - 1];
    argv[argc] = NULL;
    bool ok = pst_cli_parse(cli, argc, argv, error);
    free(argv[0]);
    return ok;
}

static void accept(struct pst_cli *cli, const char *const args[ARGS_MAX])
{
    char error[PST_CLI_ERROR_BYTES];
    if (!parse(cli, error, args))
        fail_msg("%s", error);
}

static void test_cli__nothing_given__both_doors_on_localhost(void **state)
{
    (void)state;
    struct pst_cli cli;
    accept(&cli, (const char *[ARGS_MAX]){NULL});
    assert_string_equal(cli.root, ".");
    assert_int_equal(cli.listen_count, 2);
    assert_false(cli.listen[0].is_secure);
    assert_string_equal(cli.listen[0].address, "8080");
    assert_true(cli.listen[1].is_secure);
    assert_string_equal(cli.listen[1].address, "8443");
    assert_int_equal(cli.cert_count, 1);
    assert_string_equal(cli.certs[0].cert, "certs/localhost.pem");
    assert_string_equal(cli.certs[0].key, "certs/localhost-key.pem");
    assert_null(cli.certs[0].password);
    assert_false(cli.no_tickets);
    assert_null(cli.ticket_keys);
    assert_string_equal(cli.log, "-");
    assert_int_equal(cli.workers, 0);
    assert_true(pst_cli_has_https(&cli));
    assert_int_equal(cli.limits.head_bytes, 16384);
}

static void test_cli__both_spellings__same(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct pst_cli cli;
        if (i == 0)
            accept(&cli, (const char *[ARGS_MAX]){"--https=127.0.0.1:9443", "--cert=c", "--key=k",
                                                  "--workers=3", "--limit=head_bytes=4096", "site"});
        else
            accept(&cli, (const char *[ARGS_MAX]){"site", "--https", "127.0.0.1:9443", "--cert", "c", "--key",
                                                  "k", "--workers", "3", "--limit", "head_bytes=4096"});
        assert_string_equal(cli.root, "site");
        assert_int_equal(cli.listen_count, 1);
        assert_string_equal(cli.listen[0].address, "127.0.0.1:9443");
        assert_string_equal(cli.certs[0].cert, "c");
        assert_string_equal(cli.certs[0].key, "k");
        assert_true(cli.is_cert_given);
        assert_int_equal(cli.workers, 3);
        assert_int_equal(cli.limits.head_bytes, 4096);
    }
}

static void test_cli__listeners__in_order_and_defaults_only_without(void **state)
{
    (void)state;
    struct pst_cli cli;
    accept(&cli, (const char *[ARGS_MAX]){"--https", "1", "--http", "2", "--http", "[::1]:3"});
    assert_int_equal(cli.listen_count, 3);
    assert_true(cli.listen[0].is_secure);
    assert_string_equal(cli.listen[2].address, "[::1]:3");

    accept(&cli, (const char *[ARGS_MAX]){"--no-https"});
    assert_int_equal(cli.listen_count, 1);
    assert_string_equal(cli.listen[0].address, "8080");
    assert_false(pst_cli_has_https(&cli));

    accept(&cli, (const char *[ARGS_MAX]){"--no-http"});
    assert_int_equal(cli.listen_count, 1);
    assert_true(cli.listen[0].is_secure);
}

static void test_cli__public__widens_bare_ports_wherever_it_stands(void **state)
{
    (void)state;
    struct pst_cli cli;
    accept(&cli, (const char *[ARGS_MAX]){"--http", "80", "--https", "localhost:443", "--public"});
    assert_string_equal(cli.listen[0].address, "*:80");
    assert_string_equal(cli.listen[1].address, "localhost:443");
    accept(&cli, (const char *[ARGS_MAX]){"--public"});
    assert_string_equal(cli.listen[0].address, "*:8080");
    assert_string_equal(cli.listen[1].address, "*:8443");
}

static void test_cli__help_and_version__win_over_contradictions(void **state)
{
    (void)state;
    struct pst_cli cli;
    accept(&cli, (const char *[ARGS_MAX]){"--no-http", "--no-https", "--help"});
    assert_true(cli.help);
    accept(&cli, (const char *[ARGS_MAX]){"-h"});
    assert_true(cli.help);
    accept(&cli, (const char *[ARGS_MAX]){"--version"});
    assert_true(cli.version);
}

static void test_cli__double_dash__ends_options(void **state)
{
    (void)state;
    struct pst_cli cli;
    accept(&cli, (const char *[ARGS_MAX]){"--list", "--", "--http"});
    assert_true(cli.list);
    assert_string_equal(cli.root, "--http");
}

static void test_cli__wrong__one_line_that_helps(void **state)
{
    (void)state;
    static const struct {
        const char *args[ARGS_MAX];
        const char *says; /* part of the line */
    } rows[] = {
        {{"--htps", "1"}, "there is no option --htps: did you mean --https?"},
        {{"--htttp=1"}, "did you mean --http?"},
        {{"--frobnicate"}, "there is no option --frobnicate; --help lists them"},
        {{"-x"}, "there is no option -x"},
        {{"--http"}, "--http needs a value: --http [ADDR:]PORT"},
        {{"--http", "--https", "1"}, "--http needs a value"},
        {{"--http="}, "--http needs a value"},
        {{"--http", "70000"}, "--http \"70000\" is no address"},
        {{"--https", "example.org:80"}, "--https \"example.org:80\" is no address"},
        {{"--list=yes"}, "--list takes no value"},
        {{"--workers", "many"}, "--workers \"many\" is no number from 1 to 256"},
        {{"--workers", "257"}, "no number from 1 to 256"},
        {{"--limit", "head_bytes"}, "write NAME=VALUE"},
        {{"--limit", "head_byte=1000"}, "there is no limit \"head_byte\": did you mean head_bytes?"},
        {{"--limit", "zzz=1"}, "there is no limit \"zzz\"; --help lists them"},
        {{"--limit", "head_bytes=1"}, "--limit head_bytes=1: give a number from 256 to 262144"},
        {{"--limit", "head_bytes=1k"}, "give a number from 256 to 262144"},
        {{"--limit", "trailer_bytes="},
         "give a number from 0 to 65536"}, /* 0 would be allowed, nothing not */
        {{"a", "b"}, "only one folder can be served: got \"a\" and \"b\""},
        {{""}, "empty name"},
        {{"--cert", "c"}, "--cert needs --key too"},
        {{"--key", "k"}, "--key needs --cert too"},
        {{"--cert", "c", "--cert", "d", "--key", "k"},
         "each --cert needs its --key, in the same order: got 2 and 1"},
        {{"--key-password", "p", "--cert", "c", "--key", "k"}, "--key-password is for the --key before it"},
        {{"--key", "k", "--key-password", "p", "--key-password", "q"}, "was given twice for --key k"},
        {{"--tls", "old"}, "--tls \"old\": there are modern"},
        {{"--tls-min", "1.1"}, "--tls-min \"1.1\": there are 1.2 and 1.3"},
        {{"--tls", "modern", "--tls-min", "1.2"}, "--tls and --tls-min contradict each other"},
        {{"--client-cert", "optional"}, "--client-cert needs --client-ca"},
        {{"--client-ca", "c", "--client-cert", "never"}, "say required or optional"},
        {{"--client-ca", "c", "--ticket-keys", "t"}, "--client-ca and --ticket-keys contradict each other"},
        {{"--no-tickets", "--ticket-keys", "t"}, "--no-tickets and --ticket-keys contradict each other"},
        {{"--http", "1", "--no-http"}, "--http and --no-http contradict each other"},
        {{"--https", "1", "--no-https"}, "--https and --no-https contradict each other"},
        {{"--no-http", "--no-https"}, "nothing to listen on"},
        {{"--log", "f", "--no-log"}, "--log and --no-log contradict each other"},
        {{"--box"}, "--box needs a value: --box NAME[:OPTION,...]"},
        {{"--boxes"}, "--boxes needs a value: --boxes auto"},
        {{"--boxes", "all"}, "--boxes \"all\": there is only --boxes auto"},
        {{"--board=here"}, "--board takes no value"},
        {{"--data", "d"}, "nothing takes any: add --box NAME"},
        {{"--boxes", "auto", "--public"}, "--boxes auto and --public do not go together"},
        {{"--boxes", "auto", "--http", "*:8080"}, "for this machine only, and *:8080 is not"},
        {{"--boxes", "auto", "--http", "127.0.0.1:1", "--https", "[::]:2"}, "and [::]:2 is not"},
        {{"--boxes", "auto", "--http", "192.0.2.1:1"}, "and 192.0.2.1:1 is not"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pst_cli cli;
        char error[PST_CLI_ERROR_BYTES];
        if (parse(&cli, error, rows[i].args))
            fail_msg("%s was accepted", rows[i].args[0]);
        if (!strstr(error, rows[i].says) || strchr(error, '\n'))
            fail_msg("%s: %s", rows[i].args[0], error);
    }
}

static void test_cli__certificates__in_pairs_with_their_passwords(void **state)
{
    (void)state;
    struct pst_cli cli;
    accept(&cli, (const char *[ARGS_MAX]){"--cert", "a", "--cert", "b", "--key", "ka", "--key", "kb",
                                          "--key-password", "pb"});
    assert_int_equal(cli.cert_count, 2);
    assert_string_equal(cli.certs[0].cert, "a");
    assert_string_equal(cli.certs[0].key, "ka");
    assert_null(cli.certs[0].password);
    assert_string_equal(cli.certs[1].cert, "b");
    assert_string_equal(cli.certs[1].key, "kb");
    assert_string_equal(cli.certs[1].password, "pb");
    accept(&cli, (const char *[ARGS_MAX]){"--key=k", "--key-password=p", "--cert=c", "--ticket-keys=t"});
    assert_int_equal(cli.cert_count, 1);
    assert_string_equal(cli.certs[0].password, "p");
    assert_string_equal(cli.ticket_keys, "t");
}

static void test_cli__posts__kept_where_something_takes_them(void **state)
{
    (void)state;
    struct pst_cli cli;
    accept(&cli, (const char *[ARGS_MAX]){NULL});
    assert_false(pst_cli_keeps_posts(&cli));
    assert_null(cli.data);

    accept(&cli, (const char *[ARGS_MAX]){"--box", "a", "--box=b:public,files", "--data", "d", "--public"});
    assert_true(pst_cli_keeps_posts(&cli));
    assert_int_equal(cli.box_count, 2);
    assert_string_equal(cli.boxes[0], "a");
    assert_string_equal(cli.boxes[1], "b:public,files");
    assert_string_equal(cli.data, "d");
    assert_false(cli.boxes_auto);
    assert_false(cli.board);

    accept(&cli, (const char *[ARGS_MAX]){"--board", "--http", "*:80"});
    assert_true(pst_cli_keeps_posts(&cli));
    assert_true(cli.board);
}

static void test_cli__boxes_auto__for_this_machine_however_it_is_named(void **state)
{
    (void)state;
    static const char *const addresses[] = {"8080", "localhost:8080", "127.0.0.1:0", "127.8.9.10:1",
                                            "[::1]:80"};
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        struct pst_cli cli;
        accept(&cli, (const char *[ARGS_MAX]){"--boxes", "auto", "--http", addresses[i]});
        assert_true(cli.boxes_auto);
        assert_true(pst_cli_keeps_posts(&cli));
    }
}

static void test_cli__more_listeners_than_there_is_room__refused(void **state)
{
    (void)state;
    char *argv[PST_CLI_LISTEN_MAX + 3];
    static char name[] = "postern", option[] = "--http=1";
    argv[0] = name;
    for (int i = 1; i <= PST_CLI_LISTEN_MAX + 1; i++)
        argv[i] = option;
    argv[PST_CLI_LISTEN_MAX + 2] = NULL;
    struct pst_cli cli;
    char error[PST_CLI_ERROR_BYTES];
    assert_true(pst_cli_parse(&cli, PST_CLI_LISTEN_MAX + 1, argv, error));
    assert_false(pst_cli_parse(&cli, PST_CLI_LISTEN_MAX + 2, argv, error));
}

static void test_nearest__slips__but_not_other_words(void **state)
{
    (void)state;
    static const char *const words[] = {"http", "https", "no-https", "workers", "list"};
    static const struct {
        const char *word, *nearest;
    } rows[] = {
        {"hptt", "http"},
        {"worker", "workers"},
        {"wrokers", "workers"},
        {"no_https", "no-https"},
        {"lsit", "list"},
        {"l", NULL},
        {"", NULL},
        {"xyz", NULL},
        {"banana", NULL},
        {"https ", "https"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *nearest = pst_cli_nearest(pst_slice_str(rows[i].word), words, 5);
        if (!nearest != !rows[i].nearest || (nearest && strcmp(nearest, rows[i].nearest) != 0))
            fail_msg("%s: %s", rows[i].word, nearest ? nearest : "(none)");
    }
    char longer[1000];
    memset(longer, 'h', sizeof longer);
    assert_null(pst_cli_nearest(pst_slice_of(longer, sizeof longer), words, 5));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cli__nothing_given__both_doors_on_localhost),
        cmocka_unit_test(test_cli__both_spellings__same),
        cmocka_unit_test(test_cli__listeners__in_order_and_defaults_only_without),
        cmocka_unit_test(test_cli__public__widens_bare_ports_wherever_it_stands),
        cmocka_unit_test(test_cli__help_and_version__win_over_contradictions),
        cmocka_unit_test(test_cli__double_dash__ends_options),
        cmocka_unit_test(test_cli__wrong__one_line_that_helps),
        cmocka_unit_test(test_cli__certificates__in_pairs_with_their_passwords),
        cmocka_unit_test(test_cli__posts__kept_where_something_takes_them),
        cmocka_unit_test(test_cli__boxes_auto__for_this_machine_however_it_is_named),
        cmocka_unit_test(test_cli__more_listeners_than_there_is_room__refused),
        cmocka_unit_test(test_nearest__slips__but_not_other_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
