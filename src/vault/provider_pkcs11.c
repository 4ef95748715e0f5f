/*
 * provider_pkcs11.c: the `pkcs11` key provider: an AES key that never leaves its module wraps the
 * roots, by CKM_AES_GCM (PKCS #11 v2.40, 2.12.4) with the owner as associated data.
 *
 * The module is loaded through p11-kit, which counts who has initialized it: several handles of the
 * data folder in one process would otherwise start and end each other's. The PIN comes from a file
 * of mode 0600, and is read at each start. The key is looked up by its label and must not be
 * extractable; who makes it (once, by the module's own tools) decides about its size, 256 bits.
 *
 * Layout of a wrapped root: 1 | IV (12) | sealed root (32) | tag (16). The IV is drawn by us: 96
 * random bits for the few roots that one key ever wraps.
 *
 * Threads: one at a time a provider; each has its own session.
 */
#include <errno.h>
#include <sodium.h>
#include <sys/stat.h>

#include <p11-kit/p11-kit.h>
#include <p11-kit/pkcs11.h>

#include "base/disk.h"
#include "vault/keyring.h"

#define FORMAT 1
#define IV_BYTES 12
#define TAG_BYTES 16
#define SEALED_BYTES (VAULT_KEY_BYTES + TAG_BYTES)
#define WRAPPED_BYTES (1 + IV_BYTES + SEALED_BYTES)
#define SLOTS_MAX 64
#define PIN_BYTES_MAX 256

struct pkcs11_provider {
    struct vault_provider base; /* first, so that the pointers are the same */
    CK_FUNCTION_LIST *module;
    CK_SESSION_HANDLE session; /* 0: none */
    CK_OBJECT_HANDLE key;
    char key_label[128];
};

static enum err_class refused(const char *what, const char *name, CK_RV code, struct err *err)
{
    const char *text = p11_kit_strerror(code);

    return err_set(err, ERR_KEY,
                   "the PKCS#11 %s \"%.120s\": %s (code 0x%lx); see keys/provider.conf", what, name,
                   text ? text : "it failed", (unsigned long)code);
}

static CK_GCM_PARAMS gcm_of(unsigned char *iv, const char *owner)
{
    return (CK_GCM_PARAMS){.pIv = iv,
                           .ulIvLen = IV_BYTES,
                           .ulIvBits = 8UL * IV_BYTES,
                           .pAAD = (CK_BYTE_PTR)(uintptr_t)owner, /* only read */
                           .ulAADLen = strlen(owner),
                           .ulTagBits = 8UL * TAG_BYTES};
}

static enum err_class pkcs11_wrap(struct vault_provider *provider, const struct ctx *ctx,
                                  const char *owner, const unsigned char root[VAULT_KEY_BYTES],
                                  struct strbuf *ret, struct err *err)
{
    const struct pkcs11_provider *self = (const struct pkcs11_provider *)provider;
    unsigned char iv[IV_BYTES], sealed[SEALED_BYTES];
    CK_GCM_PARAMS gcm = gcm_of(iv, owner);
    CK_MECHANISM mechanism = {CKM_AES_GCM, &gcm, sizeof(gcm)};
    CK_ULONG len = sizeof(sealed);
    CK_RV code;

    ctx_random(ctx, iv, sizeof(iv));
    code = self->module->C_EncryptInit(self->session, &mechanism, self->key);
    if (code == CKR_OK)
        code = self->module->C_Encrypt(self->session, (CK_BYTE_PTR)(uintptr_t)root, VAULT_KEY_BYTES,
                                       sealed, &len);
    if (code != CKR_OK)
        return refused("key", self->key_label, code, err);
    if (len != sizeof(sealed))
        return err_set(err, ERR_KEY, "the PKCS#11 key \"%s\" sealed a root to %lu bytes",
                       self->key_label, len);
    strbuf_add_char(ret, FORMAT);
    strbuf_add(ret, iv, sizeof(iv));
    strbuf_add(ret, sealed, sizeof(sealed));
    return strbuf_check(ret, "a wrapped key", err);
}

static enum err_class pkcs11_unwrap(struct vault_provider *provider, const struct ctx *ctx,
                                    const char *owner, struct str wrapped,
                                    unsigned char root[VAULT_KEY_BYTES], struct err *err)
{
    const struct pkcs11_provider *self = (const struct pkcs11_provider *)provider;
    unsigned char in[WRAPPED_BYTES], plain[SEALED_BYTES];
    CK_ULONG len = sizeof(plain);
    CK_RV code;

    (void)ctx;
    if (wrapped.len != WRAPPED_BYTES || wrapped.ptr[0] != FORMAT)
        return err_set(err, ERR_KEY, "it is not a key that a PKCS#11 module wrapped (%zu bytes)",
                       wrapped.len);
    memcpy(in, wrapped.ptr, sizeof(in));

    CK_GCM_PARAMS gcm = gcm_of(in + 1, owner);
    CK_MECHANISM mechanism = {CKM_AES_GCM, &gcm, sizeof(gcm)};

    code = self->module->C_DecryptInit(self->session, &mechanism, self->key);
    if (code == CKR_OK)
        code = self->module->C_Decrypt(self->session, in + 1 + IV_BYTES, SEALED_BYTES, plain, &len);
    if (code == CKR_OK && len == VAULT_KEY_BYTES)
        memcpy(root, plain, VAULT_KEY_BYTES);
    sodium_memzero(plain, sizeof(plain));
    if (code == CKR_ENCRYPTED_DATA_INVALID || code == CKR_GENERAL_ERROR || code == CKR_DATA_INVALID)
        return err_set(err, ERR_KEY,
                       "the PKCS#11 key \"%s\" does not open it: it is damaged, belongs to another "
                       "tenant than %s, or was wrapped by another key of that label",
                       self->key_label, owner);
    if (code != CKR_OK || len != VAULT_KEY_BYTES)
        return refused("key", self->key_label, code, err);
    return ERR_OK;
}

static void pkcs11_free(struct vault_provider *provider)
{
    struct pkcs11_provider *self = (struct pkcs11_provider *)provider;

    if (self->session)
        (void)self->module->C_CloseSession(self->session);
    if (self->module) {
        (void)p11_kit_module_finalize(self->module); /* the last of several ends it */
        p11_kit_module_release(self->module);
    }
    free(self);
}

static const struct vault_provider_ops pkcs11_ops = {
    .name = "pkcs11",
    .wrap = pkcs11_wrap,
    .unwrap = pkcs11_unwrap,
    .free = pkcs11_free,
};

/* Texts of PKCS#11 are filled up with blanks. */
static bool is_label(const CK_UTF8CHAR *padded, size_t size, const char *label)
{
    struct str have = {(const char *)padded, size};

    while (have.len > 0 && have.ptr[have.len - 1] == ' ')
        have.len--;
    return str_eq_z(have, label);
}

static enum err_class find_slot(const struct pkcs11_provider *self, const char *token,
                                CK_SLOT_ID *ret, struct err *err)
{
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG count = SLOTS_MAX, found = 0;
    CK_RV code = self->module->C_GetSlotList(CK_TRUE, slots, &count);

    if (code != CKR_OK)
        return refused("token", token, code, err);
    for (CK_ULONG i = 0; i < count; i++) {
        CK_TOKEN_INFO info;

        if (self->module->C_GetTokenInfo(slots[i], &info) != CKR_OK ||
            !is_label(info.label, sizeof(info.label), token))
            continue;
        if (found++ == 0)
            *ret = slots[i];
    }
    if (found > 1)
        return err_set(err, ERR_KEY,
                       "there is more than one PKCS#11 token \"%.120s\"; give the right one a name "
                       "of its own",
                       token);
    if (found == 1)
        return ERR_OK;
    return err_set(
        err, ERR_KEY,
        "there is no PKCS#11 token \"%.120s\" (%lu are there); is it plugged in, and does "
        "this user see it?",
        token, count);
}

static enum err_class log_in(const struct ctx *ctx, const struct pkcs11_provider *self,
                             const char *pin_file, struct err *err)
{
    struct strbuf text = STRBUF_INIT(PIN_BYTES_MAX);
    struct stat st;
    enum err_class rc = disk_read(ctx, pin_file, &text, err);
    struct str pin;
    CK_RV code;

    if (rc != ERR_OK) {
        vault_wipe(&text);
        return err_set(err, ERR_KEY, "the PIN file \"%.200s\" cannot be read", pin_file);
    }
    if (stat(pin_file, &st) == 0 && (st.st_mode & 077) != 0) {
        vault_wipe(&text);
        return err_set(err, ERR_KEY,
                       "the PIN file %.200s can be read by others; run: chmod 600 %.200s", pin_file,
                       pin_file);
    }
    pin = str_trim(strbuf_str(&text));
    if (pin.len == 0) {
        vault_wipe(&text);
        return err_set(err, ERR_KEY, "the PIN file %.200s is empty; write the token's PIN into it",
                       pin_file);
    }
    code = self->module->C_Login(self->session, CKU_USER, (CK_UTF8CHAR_PTR)(uintptr_t)pin.ptr,
                                 pin.len);
    vault_wipe(&text);
    if (code == CKR_OK || code == CKR_USER_ALREADY_LOGGED_IN) /* by another session of ours */
        return ERR_OK;
    if (code == CKR_PIN_INCORRECT || code == CKR_PIN_LOCKED || code == CKR_PIN_LEN_RANGE)
        return err_set(err, ERR_KEY,
                       "the PKCS#11 token refuses the PIN in %.200s%s; correct it before the token "
                       "locks itself",
                       pin_file, code == CKR_PIN_LOCKED ? " and is locked" : "");
    return refused("PIN file", pin_file, code, err);
}

/* It must stay in the token, and be allowed both ways: what it wrapped must open again. */
static enum err_class check_key(const struct pkcs11_provider *self, CK_OBJECT_HANDLE key,
                                struct err *err)
{
    CK_BBOOL extractable = CK_TRUE, encrypt = CK_FALSE, decrypt = CK_FALSE;
    CK_ATTRIBUTE looked[] = {{CKA_EXTRACTABLE, &extractable, sizeof(extractable)},
                             {CKA_ENCRYPT, &encrypt, sizeof(encrypt)},
                             {CKA_DECRYPT, &decrypt, sizeof(decrypt)}};
    CK_RV code = self->module->C_GetAttributeValue(self->session, key, looked, ARRAY_LEN(looked));

    if (code != CKR_OK || extractable)
        return err_set(
            err, ERR_KEY,
            "the PKCS#11 key \"%s\" can be taken out of its token (CKA_EXTRACTABLE); make "
            "one that cannot",
            self->key_label);
    if (!encrypt || !decrypt)
        return err_set(err, ERR_KEY,
                       "the PKCS#11 key \"%s\" is not allowed to %s; make one with CKA_ENCRYPT and "
                       "CKA_DECRYPT",
                       self->key_label, encrypt ? "decrypt" : "encrypt");
    return ERR_OK;
}

static enum err_class find_key(struct pkcs11_provider *self, struct err *err)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_AES;
    CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &class, sizeof(class)},
                             {CKA_KEY_TYPE, &type, sizeof(type)},
                             {CKA_LABEL, self->key_label, strlen(self->key_label)}};
    CK_OBJECT_HANDLE found[2];
    CK_ULONG count = 0;
    CK_RV code = self->module->C_FindObjectsInit(self->session, wanted, ARRAY_LEN(wanted));

    if (code == CKR_OK) {
        code = self->module->C_FindObjects(self->session, found, ARRAY_LEN(found), &count);
        (void)self->module->C_FindObjectsFinal(self->session);
    }
    if (code != CKR_OK)
        return refused("key", self->key_label, code, err);
    if (count != 1)
        return err_set(err, ERR_KEY,
                       "the PKCS#11 token has %s AES key labelled \"%s\"; it must have one",
                       count == 0 ? "no" : "more than one", self->key_label);
    self->key = found[0];
    return check_key(self, found[0], err);
}

static enum err_class connect(const struct ctx *ctx, struct pkcs11_provider *self,
                              const struct vault_provider_settings *settings, struct err *err)
{
    CK_SLOT_ID slot = 0;
    CK_RV code;
    enum err_class rc;

    self->module = p11_kit_module_load(settings->module, 0);
    if (!self->module) {
        const char *why = p11_kit_message();

        return err_set(err, ERR_KEY, "the PKCS#11 module %.200s cannot be loaded: %.200s",
                       settings->module, why ? why : "no reason given");
    }
    code = p11_kit_module_initialize(self->module);
    if (code != CKR_OK) {
        p11_kit_module_release(self->module);
        self->module = NULL;
        return refused("module", settings->module, code, err);
    }
    rc = find_slot(self, settings->token, &slot, err);
    if (rc != ERR_OK)
        return rc;
    code = self->module->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &self->session);
    if (code != CKR_OK)
        return refused("token", settings->token, code, err);
    rc = log_in(ctx, self, settings->pin_file, err);
    return rc == ERR_OK ? find_key(self, err) : rc;
}

enum err_class vault_pkcs11_provider(const struct ctx *ctx,
                                     const struct vault_provider_settings *settings,
                                     struct vault_provider **ret, struct err *err)
{
    const struct {
        const char *value, *name;
    } needs[] = {{settings->module, "pkcs11_module"},
                 {settings->token, "pkcs11_token"},
                 {settings->key_label, "pkcs11_key"},
                 {settings->pin_file, "pkcs11_pin_file"}};
    AUTO(vault_provider_free_autop) struct vault_provider *provider = NULL;
    struct pkcs11_provider *self;
    enum err_class rc;

    for (size_t i = 0; i < ARRAY_LEN(needs); i++)
        if (!needs[i].value || !needs[i].value[0])
            return err_set(err, ERR_KEY, "the key provider `pkcs11` wants the setting keys.%s",
                           needs[i].name);
    if (strlen(settings->key_label) >= sizeof(self->key_label))
        return err_set(err, ERR_KEY, "the label of the PKCS#11 key is longer than %zu bytes",
                       sizeof(self->key_label) - 1);
    self = calloc(1, sizeof(*self));
    if (!self)
        return err_memory(err);
    provider = &self->base;
    self->base.ops = &pkcs11_ops;
    (void)snprintf(self->key_label, sizeof(self->key_label), "%s", settings->key_label);
    vault_provider_name_it(&self->base, settings->token, settings->key_label);
    rc = connect(ctx, self, settings, err);
    if (rc == ERR_OK)
        *ret = TAKE(provider);
    return rc;
}
