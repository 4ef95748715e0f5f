/* file.c: files that commands write for their user. */
#include "cli/file.h"

enum err_class cli_file_begin(struct cli *cli, const char *path, struct cli_file *ret,
                              struct err *err)
{
    *ret = (struct cli_file){.ctx = &cli->ctx, .stream = DISK_STREAM_INIT};
    return disk_create(ret->ctx, path, &ret->stream, err);
}

enum err_class cli_file_write(void *arg, struct str part, struct err *err)
{
    struct cli_file *file = arg;

    return disk_append(file->ctx, &file->stream, part, err);
}

enum err_class cli_file_end(struct cli_file *file, enum err_class rc, struct err *err)
{
    if (rc == ERR_OK)
        rc = disk_keep(file->ctx, &file->stream, err);
    disk_discard(file->ctx, &file->stream);
    return rc;
}
