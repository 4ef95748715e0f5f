#ifndef CLI_DOCTOR_KEYS_H
#define CLI_DOCTOR_KEYS_H
#include "cli/cli.h"

/* What `tenon doctor` says of keys. */
#define DOCTOR_KEYS_MAX 6
struct doctor_keys {
    char fine[128];
    size_t count;
    char warnings[DOCTOR_KEYS_MAX][256];
};
/* `info` NULL: the control data, and what concerns the whole folder. An error is a failed check. */
MUST_USE enum err_class doctor_keys_look(const struct cli *cli, const struct data *data,
                                         const struct tenant_info *info, struct doctor_keys *ret,
                                         struct err *err);

#endif
