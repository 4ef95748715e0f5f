#ifndef CLI_SETTINGS_H
#define CLI_SETTINGS_H
#include "cli/cli.h"
#include "daemon/config.h"

/*
 * The settings as `tenon serve` finds them: the file of --config, else tenon.conf in the data
 * folder when it is there, and the environment. Texts are in the arena. Errors: config_read.
 */
MUST_USE enum err_class cli_settings(const struct cli *cli, struct arena *arena, struct config *ret,
                                     struct err *err);
#define CLI_SETTINGS_BYTES ((size_t)1024 * 1024) /* an arena that is large enough */

#endif
