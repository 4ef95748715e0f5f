#include "daemon/assets.h"
static const unsigned char page[] = "<!doctype html><title>Tenon</title>";
const struct asset assets_all[] = {{"/", "text/html; charset=utf-8", "\"x\"", false, false, page, sizeof(page) - 1, sizeof(page) - 1}};
const size_t assets_count = 1;
