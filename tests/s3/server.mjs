// server.mjs: an object storage for the tests: s3rver, which keeps objects, behind a proxy that checks every
// signature with Amazon's own library and can misbehave.
//
//   node server.mjs FOLDER     prints "s3 listening on http://127.0.0.1:PORT", serves until it is ended
//
// PUT /-/mode with one of these as its body (from the same machine; unsigned):
//
//   good      as a storage should
//   slow      answers after a second
//   full      507 to every PUT
//   refuse    403 AccessDenied to everything
//   flaky     503 SlowDown to every second request
//   lose      says yes to a PUT and keeps nothing
//   cut       says yes to a PUT and keeps half of it
//   flip      says yes to a PUT, keeps another byte, and gives the ETag of what it was sent
//   encrypts  keeps all, with ETags that are no MD5
import { createHash } from 'node:crypto';
import http from 'node:http';
import { Sha256 } from '@aws-crypto/sha256-js';
import { HttpRequest } from '@smithy/protocol-http';
import { SignatureV4 } from '@smithy/signature-v4';
import S3rver from 's3rver';

const [folder] = process.argv.slice(2);
const keyId = 'S3RVER', secret = 'S3RVER-secret-planted-9qZ', region = 'eu-test-1', bucket = 'backups';

const store = new S3rver({
    port: 0, address: '127.0.0.1', silent: true, directory: folder, allowMismatchedSignatures: true,
    configureBuckets: [{ name: bucket, configs: [] }],
});
const { port: storePort } = await store.run();
let mode = 'good', count = 0;
const lies = new Map(); // path: the ETag that a lie was told with

function readBody(req) {
    return new Promise((resolve, reject) => {
        const parts = [];
        req.on('data', (part) => parts.push(part));
        req.on('end', () => resolve(Buffer.concat(parts)));
        req.on('error', reject);
    });
}

function answer(res, status, code) {
    res.writeHead(status, { 'Content-Type': 'application/xml' });
    res.end(`<?xml version="1.0"?><Error><Code>${code}</Code></Error>`);
}

// What is wrong with the signature; undefined: nothing.
async function wrong(req, body) {
    const given = /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/
        .exec(req.headers.authorization ?? '');
    if (!given) return 'no signature of version 4';
    if (given[1] !== keyId) return 'another key';
    if (given[3] !== region) return 'another region';
    const names = given[4].split(';');
    for (const name of ['host', 'x-amz-content-sha256', 'x-amz-date'])
        if (!names.includes(name)) return `${name} is not signed`;
    if (createHash('sha256').update(body).digest('hex') !== req.headers['x-amz-content-sha256'])
        return 'the hash of the body';
    const url = new URL(req.url, `http://${req.headers.host}`);
    const stamp = req.headers['x-amz-date'];
    const at = new Date(`${stamp.slice(0, 4)}-${stamp.slice(4, 6)}-${stamp.slice(6, 8)}T${stamp.slice(9, 11)}:${stamp.slice(11, 13)}:${stamp.slice(13, 15)}Z`);
    const signer = new SignatureV4({
        credentials: { accessKeyId: keyId, secretAccessKey: secret }, region, service: 's3', sha256: Sha256,
        uriEscapePath: false, applyChecksum: false,
    });
    const signed = await signer.sign(new HttpRequest({
        method: req.method, protocol: 'http:', hostname: url.hostname, port: Number(url.port), path: url.pathname,
        query: Object.fromEntries(url.searchParams),
        headers: Object.fromEntries(names.map((name) => [name, req.headers[name]])),
    }), { signingDate: at, signableHeaders: new Set(names) });
    return signed.headers.authorization.endsWith(given[5]) ? undefined : 'the signature';
}

function forward(req, body, res, change = {}) {
    const out = http.request({
        host: '127.0.0.1', port: storePort, method: req.method, path: req.url,
        headers: { ...req.headers, 'content-length': body.length, ...change.request },
    }, (from) => {
        const headers = { ...from.headers };
        if (change.etag && headers.etag) headers.etag = change.etag(headers.etag);
        res.writeHead(from.statusCode, headers);
        from.pipe(res);
    });
    out.on('error', () => answer(res, 500, 'InternalError'));
    out.end(body);
}

const md5 = (body) => `"${createHash('md5').update(body).digest('hex')}"`;
const modes = {
    good: (req, body, res) => forward(req, body, res),
    slow: (req, body, res) => setTimeout(() => forward(req, body, res), 1000),
    full: (req, body, res) => (req.method === 'PUT' ? answer(res, 507, 'XMinioStorageFull') : forward(req, body, res)),
    refuse: (req, body, res) => answer(res, 403, 'AccessDenied'),
    flaky: (req, body, res) => (count++ % 2 === 0 ? answer(res, 503, 'SlowDown') : forward(req, body, res)),
    lose: (req, body, res) => {
        if (req.method !== 'PUT') return forward(req, body, res);
        res.writeHead(200, { ETag: md5(body) });
        return res.end();
    },
    cut: (req, body, res) =>
        forward(req, req.method === 'PUT' ? body.subarray(0, body.length >> 1) : body, res),
    flip: (req, body, res) => {
        const path = req.url.split('?')[0];
        if (req.method !== 'PUT') return forward(req, body, res, { etag: (own) => lies.get(path) ?? own });
        const other = Buffer.from(body);
        other[other.length >> 1] ^= 1;
        lies.set(path, `${md5(body).slice(0, -1)}x"`); // no MD5 that fits: it must be read back
        return forward(req, other, res);
    },
    encrypts: (req, body, res) => forward(req, body, res, { etag: () => '"0123456789abcdef-encrypted"' }),
};

const proxy = http.createServer(async (req, res) => {
    const body = await readBody(req);
    if (req.url === '/-/mode') {
        mode = body.toString();
        count = 0;
        res.writeHead(modes[mode] ? 204 : 400).end();
        return;
    }
    const why = await wrong(req, body);
    if (why) {
        process.stderr.write(`refused ${req.method} ${req.url}: ${why}\n`);
        answer(res, 403, 'SignatureDoesNotMatch');
        return;
    }
    modes[mode](req, body, res);
});
proxy.listen(0, '127.0.0.1', () => console.log(`s3 listening on http://127.0.0.1:${proxy.address().port}`));
process.on('SIGTERM', () => process.exit(0));
