/*
 * harness.mjs: what both contract tests stand on: named checks, child processes that end with us, plain
 * HTTP calls, and a relay, through which each exchange passes in sight of the test.
 *
 * A check prints "ok - sentence" or "not ok - sentence" with what was wrong; the others go on. Nothing but
 * Node's own modules; 127.0.0.1 only; only processes that were started here are ended.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';

const START_MS = 60_000; // Prism reads a megabyte of description; a build with sanitizers is slow
const RUN_MS = 120_000;
const CALL_MS = 60_000;
const SHOWN = 1500; // characters of an output that a failure shows

export const folder = mkdtempSync(path.join(tmpdir(), 'tenon-contract.'));

/* ---- Checks ---- */

let passed = 0;
let failed = 0;

export function fail(what, ...more) {
    throw new Error([what, ...more].join('\n'));
}

export function is(what, expected, actual) {
    if (JSON.stringify(expected) !== JSON.stringify(actual))
        fail(what, `  expected: ${JSON.stringify(expected)}`, `  actual:   ${JSON.stringify(actual)?.slice(0, SHOWN)}`);
}

export async function check(sentence, body) {
    try {
        await body();
        passed++;
        console.log(`ok - ${sentence}`);
    } catch (error) {
        failed++;
        console.log(`not ok - ${sentence}`);
        /* what we find wrong is an Error with a sentence; anything else is a mistake of the test */
        console.log(String(error.constructor === Error ? error.message : error.stack).replace(/^/gm, '    '));
    }
}

export function note(text) {
    console.log(`# ${text}`);
}

/* ---- Processes ---- */

const children = new Set();

/* Nothing of the caller's may reach the programs: no proxy, no data folder, no colours. */
function environment(more) {
    const env = { PATH: process.env.PATH, HOME: folder, TMPDIR: folder, LC_ALL: 'C.UTF-8', NO_COLOR: '1', ...more };

    for (const [name, value] of Object.entries(process.env))
        if (/SAN_OPTIONS$/.test(name))
            env[name] = value;
    return env;
}

function launch(command, args, more) {
    const child = spawn(command, args, { env: environment(more), stdio: ['ignore', 'pipe', 'pipe'] });

    child.said = { out: '', err: '' };
    for (const [stream, name] of [[child.stdout, 'out'], [child.stderr, 'err']])
        stream.setEncoding('utf8').on('data', (text) => (child.said[name] += text));
    children.add(child);
    child.ended = new Promise((resolve, reject) => {
        child.on('error', (error) => reject(new Error(`cannot start ${command}: ${error.message}`)));
        child.on('close', (code, signal) => {
            children.delete(child);
            resolve({ code, signal, ...child.said });
        });
    });
    child.ended.catch(() => {});
    return child;
}

function bounded(promise, ms, what) {
    let timer;
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`${what} took longer than ${ms / 1000} s`)), ms);
    });

    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/* Starts a server and waits for the line that says where it listens; gives that line's match. */
export async function serve(command, args, listening, more = {}) {
    const child = launch(command, args, more);
    const ready = new Promise((resolve, reject) => {
        child.stdout.on('data', () => {
            const match = listening.exec(child.said.out);

            if (match)
                resolve(match);
        });
        child.ended.then(
            (end) => reject(new Error(`${command} ended before it listened: ${(end.err || end.out).slice(-SHOWN)}`)),
            reject,
        );
    });

    return bounded(ready, START_MS, `the start of ${command}`);
}

/* Runs a program to its end: {code, signal, out, err}. */
export async function run(command, args, more = {}) {
    const child = launch(command, args, more);

    try {
        return await bounded(child.ended, RUN_MS, [path.basename(command), ...args].join(' '));
    } catch (error) {
        child.kill('SIGKILL');
        throw error;
    }
}

async function stop_all() {
    const all = [...children];

    for (const child of all)
        child.kill('SIGTERM');
    await bounded(Promise.allSettled(all.map((child) => child.ended)), 5000, 'stopping').catch(() => {
        for (const child of children)
            child.kill('SIGKILL');
    });
}

async function leave(code) {
    await stop_all();
    rmSync(folder, { recursive: true, force: true });
    process.exit(code);
}

/* Whatever ends us, a reader of our output that went away too: nothing that was started stays. */
process.on('exit', () => {
    for (const child of children)
        child.kill('SIGTERM');
});
process.stdout.on('error', () => leave(1));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.on(signal, () => leave(130));

/* Runs a whole test file: says how many checks failed, and leaves nothing behind. */
export async function all(body) {
    try {
        await body();
    } catch (error) {
        failed++;
        console.log(`not ok - the test comes to its end\n${String(error.stack).replace(/^/gm, '    ')}`);
    }
    console.log(`${passed + failed} checks, ${failed} failed`);
    await leave(failed ? 1 : 0);
}

/* ---- HTTP ---- */

const HOP = ['connection', 'keep-alive', 'transfer-encoding', 'content-length', 'host', 'expect', 'te', 'upgrade'];

/* Headers as they go on: without those that belong to one connection, and without undefined ones. */
export function forwarded(headers) {
    return Object.fromEntries(Object.entries(headers).filter(([name, value]) => value !== undefined && !HOP.includes(name.toLowerCase())));
}

/* One call, as it is: no redirect is followed. {status, headers, text} */
export function call(base, { method = 'GET', target, headers = {}, text = '' }) {
    return new Promise((resolve, reject) => {
        const length = text || !['GET', 'HEAD', 'DELETE'].includes(method) ? { 'content-length': Buffer.byteLength(text) } : {};
        const request = http.request(new URL(base).origin + target, {
            method,
            headers: { ...forwarded(headers), ...length },
            agent: false,
            timeout: CALL_MS,
        });

        request.on('timeout', () => request.destroy(new Error(`no answer within ${CALL_MS / 1000} s`)));
        request.on('error', (error) => reject(new Error(`${method} ${target}: ${error.message}`)));
        request.on('response', (response) => {
            response.setEncoding('utf8');

            let body = '';

            response.on('data', (part) => (body += part));
            response.on('error', (error) => reject(new Error(`${method} ${target}: ${error.message}`)));
            response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, text: body }));
        });
        request.end(text);
    });
}

/*
 * A server on a free port that gives each request to `handle` ({method, target, headers, text}) and sends
 * back the answer that it resolves to. Gives its base URL.
 */
export function relay(handle) {
    const server = http.createServer((request, response) => {
        let text = '';

        request.setEncoding('utf8').on('data', (part) => (text += part));
        request.on('end', async () => {
            let answer;

            try {
                answer = await handle({ method: request.method, target: request.url, headers: request.headers, text });
            } catch (error) {
                answer = { status: 502, headers: { 'content-type': 'text/plain' }, text: error.message };
            }

            const empty = answer.status === 204 || answer.status === 304;

            response.writeHead(answer.status, {
                ...forwarded(answer.headers),
                ...(empty ? {} : { 'content-length': Buffer.byteLength(answer.text) }),
            });
            response.end(empty ? '' : answer.text);
        });
    });

    server.unref();
    return new Promise((resolve) => {
        server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${server.address().port}`));
    });
}
