/*
 * peer.c: lists of networks, and what proxies say about their clients.
 *
 * The input is an address (17 bytes: IPv4 when the first is even), a line with a list of networks,
 * and values of X-Forwarded-For. Holds: a list is taken exactly if a reading by inet_pton and
 * sscanf takes it; an address is in it exactly if the bits written out as text say so; the client
 * is the one that a walk over all entries, cut beforehand, finds.
 */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "fuzz.h"
#include "http/peer.h"

#define WORDS_MAX 4096
#define BITS 128

/* ---- The model: an address is 128 letters, 0 or 1 ---- */

struct bits {
    char text[BITS + 1];
};

static struct bits bits_of(const unsigned char bytes[16])
{
    struct bits bits = {""};

    for (int i = 0; i < BITS; i++)
        bits.text[i] = bytes[i / 8] & (128 >> (i % 8)) ? '1' : '0';
    return bits;
}

static bool parse(const char *text, struct bits *ret, bool *ret_v4)
{
    unsigned char bytes[16] = {[10] = 0xff, [11] = 0xff};

    *ret_v4 = inet_pton(AF_INET, text, bytes + 12) == 1;
    if (!*ret_v4 && inet_pton(AF_INET6, text, bytes) != 1)
        return false;
    *ret = bits_of(bytes);
    return true;
}

struct net {
    struct bits bits;
    int count;
};

/* One word of a list: "address" or "address/bits", and no bit set past those. */
static bool parse_net(const char *word, struct net *ret)
{
    char address[100] = "";
    size_t len = strcspn(word, "/");
    const char *digits = word + len + 1;
    bool v4 = false;

    if (len >= sizeof(address))
        return false;
    memcpy(address, word, len);
    if (!parse(address, &ret->bits, &v4))
        return false;
    ret->count = BITS;
    if (word[len] == '\0')
        return true;
    if (*digits == '\0' || strspn(digits, "0123456789") != strlen(digits))
        return false;
    for (ret->count = 0; *digits && ret->count < 1000; digits++)
        ret->count = 10 * ret->count + (*digits - '0');
    if (ret->count > (v4 ? 32 : BITS))
        return false;
    ret->count += v4 ? 96 : 0;
    return strspn(ret->bits.text + ret->count, "0") == strlen(ret->bits.text + ret->count);
}

static bool nets_have(const struct net *nets, size_t count, const struct bits *bits)
{
    for (size_t i = 0; i < count; i++)
        if (strncmp(nets[i].bits.text, bits->text, (size_t)nets[i].count) == 0)
            return true;
    return false;
}

/* Cuts at the separators; empty words are left out. False: too many for this model. */
static bool cut_words(char *text, char *words[WORDS_MAX], size_t *ret)
{
    char *rest = NULL;

    *ret = 0;
    for (char *word = strtok_r(text, " ,\t", &rest); word; word = strtok_r(NULL, " ,\t", &rest)) {
        if (*ret == WORDS_MAX)
            return false;
        words[(*ret)++] = word;
    }
    return true;
}

/* ---- Networks ---- */

/* The count of networks, when the list is one; -1 otherwise. */
static int check_list(const char *text, struct peer_nets *ret, struct net nets[PEER_NETS_MAX])
{
    AUTO(free_autop) char *copy = fuzz_exact_z(str_from(text));
    static char *words[WORDS_MAX];
    struct err err = {0};
    size_t count = 0;
    bool good = cut_words(copy, words, &count);
    enum err_class class = peer_nets_read(text, "a list", ret, &err);

    for (size_t i = 0; i < count && good; i++)
        good = i < PEER_NETS_MAX && parse_net(words[i], &nets[i]);
    FUZZ_CHECK((class == ERR_OK) == good);
    if (class != ERR_OK) {
        FUZZ_CHECK(class == ERR_INPUT || class == ERR_LIMIT);
        fuzz_check_error(&err, class);
        return -1;
    }
    FUZZ_CHECK(ret->count == count);
    return (int)count;
}

/* ---- Proxies ---- */

static bool parse_port(const char *text)
{
    return strlen(text) >= 1 && strlen(text) <= 5 && strspn(text, "0123456789") == strlen(text) &&
           (strlen(text) < 5 || strcmp(text, "65535") <= 0);
}

/* "address", "address:port" of IPv4, "[address]", "[address]:port" */
static bool parse_hop(const char *from, size_t len, struct bits *ret)
{
    char text[200] = "", *at = text, *end, *after;
    bool v4 = false;

    while (len > 0 && from[0] && strchr(" \t\r\n\v\f", from[0]))
        from++, len--;
    while (len > 0 && from[len - 1] && strchr(" \t\r\n\v\f", from[len - 1]))
        len--;
    if (len >= sizeof(text))
        return false; /* no address is so long, with whatever stands about it */
    memcpy(text, from, len);
    if (parse(at, ret, &v4))
        return true;
    end = strchr(at, *at == '[' ? ']' : ':');
    if (!end)
        return false;
    after = end + (*at == '[' ? 1 : 0);
    if (*after != '\0' && (*after != ':' || !parse_port(after + 1)))
        return false;
    at += *at == '[' ? 1 : 0;
    *end = '\0';
    return parse(at, ret, &v4);
}

static struct bits model_client(const struct net *nets, size_t net_count, struct bits client,
                                const char *chain)
{
    const char *entries[WORDS_MAX];
    size_t lens[WORDS_MAX], count = 0;

    for (const char *at = chain; *chain && count < WORDS_MAX; at += lens[count++] + 1) {
        entries[count] = at;
        lens[count] = strcspn(at, ",");
        if (at[lens[count]] == '\0') {
            count++;
            break;
        }
    }
    for (size_t hop = 0; hop < count && hop < PEER_HOPS_MAX; hop++)
        if (!nets_have(nets, net_count, &client) ||
            !parse_hop(entries[count - 1 - hop], lens[count - 1 - hop], &client))
            break;
    return client;
}

/* ---- The target ---- */

static struct peer_address take_address(struct str *input)
{
    struct peer_address address = {.bytes = {[10] = 0xff, [11] = 0xff}};
    bool v4 = fuzz_byte(input) % 2 == 0;

    for (size_t i = v4 ? 12 : 0; i < 16; i++)
        address.bytes[i] = fuzz_byte(input);
    return address;
}

static void check_text(const struct peer_address *address, const struct bits *bits)
{
    char text[PEER_TEXT_BYTES + 1];
    struct bits again;
    bool v4 = false;

    peer_address_text(address, text);
    FUZZ_CHECK(parse(text, &again, &v4));
    FUZZ_CHECK(strcmp(again.text, bits->text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = fuzz_str(data, size);
    struct peer_address address = take_address(&rest), client;
    struct bits bits = bits_of(address.bytes), found, wanted;
    AUTO(free_autop) char *list = fuzz_exact_z(fuzz_line(&rest));
    AUTO(free_autop) char *chain = fuzz_exact_z(rest);
    struct net nets[PEER_NETS_MAX];
    struct peer_nets ours = {.count = 0};
    int count = check_list(list, &ours, nets);

    check_text(&address, &bits);
    if (count < 0)
        return 0;
    FUZZ_CHECK(peer_nets_have(&ours, &address) == nets_have(nets, (size_t)count, &bits));
    client = peer_client(&ours, &address, str_from(chain));
    found = bits_of(client.bytes);
    wanted = model_client(nets, (size_t)count, bits, chain);
    FUZZ_CHECK(strcmp(found.text, wanted.text) == 0);
    return 0;
}
