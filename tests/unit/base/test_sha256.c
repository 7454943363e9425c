/* SHA-256 against the examples of FIPS 180-4 (as NIST publishes them), whole and in pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/sha256.h"

static const struct {
    const char *text, *hex;
} examples[] = {
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrs"
     "tnopqrstu",
     "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
};

static void check(struct pst_sha256 *sha, const char *hex)
{
    uint8_t digest[PST_SHA256_BYTES];
    char got[PST_SHA256_HEX_BYTES];
    assert_int_equal(pst_sha256_end(sha, digest), 0);
    pst_sha256_hex(digest, got);
    assert_string_equal(got, hex);
}

static void test_sha256__examples_cut_at_every_place__known_digests(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
        size_t len = strlen(examples[i].text);
        for (size_t cut = 0; cut <= len; cut++) {
            struct pst_sha256 sha;
            pst_sha256_init(&sha);
            pst_sha256_add(&sha, examples[i].text, cut);
            pst_sha256_add(&sha, NULL, 0);
            pst_sha256_add(&sha, examples[i].text + cut, len - cut);
            check(&sha, examples[i].hex);
        }
    }
}

static void test_sha256__a_million_letters__known_digest(void **state)
{
    (void)state;
    char block[1000];
    struct pst_sha256 sha;
    memset(block, 'a', sizeof(block));
    pst_sha256_init(&sha);
    for (int i = 0; i < 1000; i++)
        pst_sha256_add(&sha, block, sizeof(block));
    check(&sha, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void test_sha256__dropped__another_one_is_not_disturbed(void **state)
{
    (void)state;
    struct pst_sha256 dropped, sha;
    pst_sha256_init(&dropped);
    pst_sha256_init(&sha);
    pst_sha256_add(&dropped, "x", 1);
    pst_sha256_add(&sha, "abc", 3);
    pst_sha256_drop(&dropped);
    check(&sha, examples[1].hex);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256__examples_cut_at_every_place__known_digests),
        cmocka_unit_test(test_sha256__a_million_letters__known_digest),
        cmocka_unit_test(test_sha256__dropped__another_one_is_not_disturbed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
