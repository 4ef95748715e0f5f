#ifndef CLI_FILE_H
#define CLI_FILE_H
#include "base/disk_stream.h"
#include "cli/cli.h"

/*
 * What a command writes into a file of the user's, a part at a time: the file has its name only
 * when it is whole. Readable by the user alone.
 */
struct cli_file {
    const struct ctx *ctx; /* borrowed */
    struct disk_stream stream;
};
MUST_USE enum err_class cli_file_begin(struct cli *cli, const char *path, struct cli_file *ret,
                                       struct err *err);
/* `arg` is the struct cli_file; in the form of rows_sink.write. */
MUST_USE enum err_class cli_file_write(void *arg, struct str part, struct err *err);
/* Keeps the file when rc is ERR_OK, else removes what there is of it. Returns what holds then. */
MUST_USE enum err_class cli_file_end(struct cli_file *file, enum err_class rc, struct err *err);

#endif
