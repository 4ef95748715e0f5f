#!/usr/bin/env node
/*
 * embed.mjs: the built pages as one C source.
 *
 *   node embed.mjs DIST OPENAPI OUT.c
 *
 * Why: the server is one file. Each file of DIST, and the API's description, becomes an array of its gzip -9
 * bytes, and one table, sorted by path, that src/daemon/assets.c searches. index.html stands under the path of
 * every page. The same input gives the same bytes: no time and no path of the machine gets in.
 */
import { createHash } from 'node:crypto'
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { extname, join, relative, sep } from 'node:path'
import { gzipSync } from 'node:zlib'

const PAGES = ['/', '/data', '/reports', '/settings', '/setup', '/sign-in', '/sync', '/time']
const TYPES = {
    '.css': 'text/css; charset=utf-8',
    '.html': 'text/html; charset=utf-8',
    '.ico': 'image/x-icon',
    '.js': 'text/javascript; charset=utf-8',
    '.json': 'application/json',
    '.png': 'image/png',
    '.svg': 'image/svg+xml',
    '.txt': 'text/plain; charset=utf-8',
    '.woff2': 'font/woff2',
    '.yaml': 'application/yaml; charset=utf-8',
}

const [dist, openapi, out] = process.argv.slice(2)
if (!out) {
    console.error('usage: node embed.mjs DIST OPENAPI OUT.c')
    process.exit(2)
}

function filesBelow(folder) {
    return readdirSync(folder, { withFileTypes: true }).flatMap(entry =>
        entry.name.startsWith('.') ? [] : entry.isDirectory() ? filesBelow(join(folder, entry.name)) : [join(folder, entry.name)],
    )
}

const files = filesBelow(dist).map(file => ({ path: '/' + relative(dist, file).split(sep).join('/'), bytes: readFileSync(file) }))
files.push({ path: '/openapi.yaml', bytes: readFileSync(openapi) })
files.sort((a, b) => (a.path < b.path ? -1 : 1))

const rows = []
let text = '/* Written by web/embed.mjs from the built pages; not to be edited. */\n#include "daemon/assets.h"\n'
for (const [i, file] of files.entries()) {
    const type = TYPES[extname(file.path)]
    if (!type) throw new Error(`embed.mjs: no content type is known for ${file.path}; add its ending to TYPES`)
    if (/["\\]|[^ -~]/.test(file.path)) throw new Error(`embed.mjs: the name of ${JSON.stringify(file.path)} has characters that no asset may have`)
    const gzip = gzipSync(file.bytes, { level: 9 })
    const etag = createHash('sha256').update(file.bytes).digest('base64url').slice(0, 22)
    text += `\nstatic const unsigned char bytes_${i}[] = { /* ${file.path} */\n${rowsOf(gzip)}};\n`
    const paths = file.path === '/index.html' ? PAGES : [file.path]
    for (const path of paths)
        rows.push({
            path,
            line: `    {"${path}", "${type}", "\\"${etag}\\"", ${path.startsWith('/assets/')}, true, bytes_${i}, sizeof(bytes_${i}), ${file.bytes.length}},\n`,
        })
}
rows.sort((a, b) => (a.path < b.path ? -1 : 1))
text += `\nconst struct asset assets_all[] = {\n${rows.map(row => row.line).join('')}};\nconst size_t assets_count = sizeof(assets_all) / sizeof(assets_all[0]);\n`
writeFileSync(out, text)

function rowsOf(bytes) {
    let lines = ''
    for (let at = 0; at < bytes.length; at += 32) lines += '    ' + Array.from(bytes.subarray(at, at + 32)).join(',') + ',\n'
    return lines
}
