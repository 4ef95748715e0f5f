/* load.c: a site out of recorded API rows. */
#include "site.h"

enum err_class site_load(struct site *site, const char *folder, struct err *err)
{
    (void)site;
    return err_set(err, ERR_BUG, "--load %s: not there yet", folder);
}
