/*
 * sandbox.mjs: does tenon-sandbox answer as the official description says?
 *
 *   tenon, or a request of requests.mjs --> judge --> prism proxy --> back --> tenon-sandbox
 *
 * The sandbox's links (self, nextPage) lead to the judge, so that a client which follows them stays in
 * sight. "Back" is a relay of this test that keeps the sandbox's last answer: handed to Prism once more with
 * its outermost shape turned round, it must be refused. That proves, for each operation, that Prism does
 * compare; its validator is silent about a part of a description that it cannot compile.
 *
 * Through Prism all numbers become JavaScript's, so ids stay below 2^53 here; the end-to-end tests have
 * larger ones. Prism follows a redirect itself, so of an attachment's content the 303 is not seen, only what
 * it leads to.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { allowed } from './allowed.mjs';
import { all, call, check, fail, folder, is, note, relay, run, serve } from './harness.mjs';
import { Description, Judge, as_version_3, start_prism } from './prism.mjs';
import { requests } from './requests.mjs';

const [tenon_exe, sandbox_exe, description_file, source_root] = process.argv.slice(2);
const EMAIL = 'ada@example.com';
const TOKEN = 'contract-token';
const BASIC = `Basic ${Buffer.from(`${EMAIL}:${TOKEN}`).toString('base64')}`;
const WRONG = `Basic ${Buffer.from(`${EMAIL}:another`).toString('base64')}`;
const REPLAY = 'x-contract-replay';
const WORKLOGS = 2300; /* three pages of the feed */

const description = new Description(description_file);
const judge = new Judge(description);

/* ---- The chain ---- */

let sandbox = '';
let last_answer;

async function back(request) {
    if (request.headers[REPLAY])
        return { ...last_answer, text: Array.isArray(JSON.parse(last_answer.text)) ? '{}' : '[]' };
    last_answer = await call(sandbox, request);
    return last_answer;
}

async function start() {
    judge.before = as_version_3;
    /* The content of an attachment is at another host, which no credential may be sent to. */
    judge.elsewhere = (request) => call(sandbox, { ...request, headers: { ...request.headers, authorization: undefined } });
    await judge.open();
    [judge.prism, sandbox] = await Promise.all([
        start_prism('proxy', description_file, await relay(back)),
        serve(
            sandbox_exe,
            ['--email', EMAIL, '--token', TOKEN, '--base-url', judge.url, '--generate', `worklogs=${WORKLOGS},users=12,seed=3`],
            /listening on (http:\S+)/,
        ).then((match) => match[1]),
    ]);
}

async function steer(target, body = {}) {
    const answer = await call(sandbox, {
        method: 'POST',
        target: `/sandbox/${target}`,
        headers: { 'content-type': 'application/json' },
        text: JSON.stringify(body),
    });

    if (answer.status !== 200)
        fail(`POST /sandbox/${target} ${JSON.stringify(body)} answers ${answer.status}: ${answer.text}`);
    return JSON.parse(answer.text);
}

/* ---- The real client ---- */

const data = path.join(folder, 'data');

async function tenon(code, ...args) {
    const end = await run(tenon_exe, args, { TENON_DATA: data });

    judge.require_clean();
    if (end.code !== code)
        fail(`tenon ${args.join(' ')} ends with ${end.code ?? end.signal}, not ${code}: ${end.err || end.out}`);
    return end.out;
}

/* The rows of both sides, by what the two have in common. */
const row = (one) => [one.id, one.issue, one.account, one.started, one.created, one.updated, one.seconds, one.comment].join(' | ');
const rows = (text, fits = () => true) =>
    text
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line))
        .filter(fits)
        .map(row)
        .sort();

async function same_as_source() {
    const source = rows((await call(sandbox, { target: '/sandbox/worklogs' })).text, (one) => !one.hidden);
    const mirror = rows(await tenon(0, 'worklogs', 'acme', '--json'));

    for (let i = 0; i < Math.max(source.length, mirror.length); i++)
        if (source[i] !== mirror[i])
            is(`row ${i} of ${source.length} at the source, ${mirror.length} in the mirror`, source[i], mirror[i]);
}

async function drive_client() {
    await check('a tenant is added through Prism', async () => {
        writeFileSync(path.join(folder, 'token'), TOKEN);
        await tenon(0, 'tenant', 'add', judge.url, '--name', 'acme', '--email', EMAIL, '--token-file', path.join(folder, 'token'), '--allow-http', '--allow-private');
    });
    await check('a first sync reads all pages through Prism', async () => {
        const result = JSON.parse(await tenon(0, 'sync', 'acme', '--json'));

        is('the mode', 'full', result.mode);
        is('worklogs stored', WORKLOGS, result.stored);
        await same_as_source();
    });
    await check('what was edited, added, moved and deleted arrives through Prism', async () => {
        await steer('worklogs/edit', { id: 'random', count: 25, seconds: 5400, comment: 'édité "par" un test' });
        await steer('worklogs/create', { id: 'random', count: 5, seconds: 600 });
        await steer('worklogs/delete', { id: 'random', count: 12 });
        await steer('worklogs/move', { id: 'random', count: 3 });
        await steer('clock', { advance_ms: 180_000 });

        const result = JSON.parse(await tenon(0, 'sync', 'acme', '--json'));

        is('the mode', 'incremental', result.mode);
        is('deleted', 12, result.deleted);
    });
    await check('a verification proves and repairs through Prism', async () => {
        await steer('worklogs/silent_delete', { id: 'random', count: 2 });

        const result = JSON.parse(await tenon(0, 'sync', 'acme', '--verify', '--json'));

        /* three moves, which tell no feed, and two deletions that no feed told */
        is('the drift', 5, result.drift);
        await same_as_source();
    });
    await check('doctor is content with what it sees through Prism', () => tenon(0, 'doctor'));
    await check('a refusal for the rate is as described, and waited out', async () => {
        await steer('faults', { kind: 'status', status: 429, path: '/worklog/updated', headers: { 'Retry-After': '1' } });
        await tenon(0, 'sync', 'acme');
    });
    await check('an expired token is told, and the refusal is as described', async () => {
        await steer('token', { expired: true });
        await tenon(77, 'sync', 'acme');
        await steer('token', { expired: false });
    });
    await check('the client made each kind of call that it can make', () => {
        is(
            'operations',
            [
                'GET /rest/api/3/issue/{issueIdOrKey}',
                'GET /rest/api/3/issue/{issueIdOrKey}/worklog/{id}',
                'GET /rest/api/3/myself',
                'GET /rest/api/3/serverInfo',
                'GET /rest/api/3/worklog/deleted',
                'GET /rest/api/3/worklog/updated',
                'POST /rest/api/3/worklog/list',
            ],
            [...new Set(judge.exchanges.map((one) => one.operation))].sort(),
        );
    });
}

/* ---- The scripted requests ---- */

const plain = (operation) => operation.replace(/\{[^}]*\}/g, '{}');
const served = read_routes();
const samples = new Map(); /* operation -> the first request that it answered well */

/* What the sandbox serves, by its own table: "GET /rest/api/3/issue/{}/worklog" */
function read_routes() {
    const table = readFileSync(path.join(source_root, 'sandbox/routes.c'), 'utf8');
    const macros = Object.fromEntries([...table.matchAll(/^#define (\w+) (.+)$/gm)].map(([, name, text]) => [name, text]));
    /* API "/user/{id}" and the like: macros and literals one after the other */
    const expand = (text) =>
        [...text.matchAll(/"([^"]*)"|(\w+)/g)].map(([, literal, name]) => literal ?? expand(macros[name] ?? fail(`sandbox/routes.c: what is ${name}?`))).join('');
    const routes = [...table.matchAll(/^    \{\s*HTTP_([A-Z]+),\s*([^,]+),/gm)].map(([, method, text]) => `${method} ${plain(expand(text).replace('{version}', '3'))}`);

    if (routes.length < 50)
        fail('sandbox/routes.c is not written as this test reads it: {HTTP_GET, API "/…", …}');
    return new Set(routes.filter((one) => one.includes('/rest/api/')));
}

function write_request(line, body, headers) {
    const [method, target] = line.split(' ');

    return {
        method,
        target,
        headers: { authorization: BASIC, accept: 'application/json', ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
        text: body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body),
    };
}

/* The sandbox's answer once more, its shape turned round: Prism must refuse it. */
async function must_refuse_spoilt(request, exchange) {
    const type = description.answer_type(description.find(request.method, request.target), exchange.status);

    if (!['object', 'array'].includes(type) || exchange.violations.length > 0)
        return;
    await judge.pass({ ...request, headers: { ...request.headers, [REPLAY]: '1' } }, { quiet: true }).then(({ exchange: spoilt }) => {
        if (!spoilt.violations.some((one) => one === `response.body: Response body must be ${type}`))
            fail(`Prism does not notice that an answer of ${exchange.operation} has the wrong shape: ${spoilt.violations}`);
    });
}

/* A body of the wrong shape never passes as a request. */
async function must_refuse_wrong_body(request) {
    const type = description.body_type(description.find(request.method, request.target));

    if (!['object', 'array'].includes(type))
        return;

    const { exchange } = await judge.pass(
        { ...request, method: request.method, text: type === 'object' ? '[]' : '{}', headers: { ...request.headers, authorization: WRONG } },
        { quiet: true },
    );

    if (!exchange.violations.some((one) => one === `request.body: Request body must be ${type}`))
        fail(`Prism does not notice that a request to ${exchange.operation} has the wrong shape: ${exchange.violations}`);
}

/*
 * Sends a request, "METHOD /path", and gives the answer as JSON ("" for none). The status must be that
 * asked for (200), or one of several; `expected` are violations that the request provokes on purpose.
 * What is wrong is kept by the judge, so that the requests behind it are tried too.
 */
async function ask(line, { body, status = 200, headers = {}, expected = [] } = {}) {
    const request = write_request(line, body, headers);
    const found = description.find(request.method, request.target);

    if (!found)
        fail(`${line}: the description has no such operation`);

    const { answer, exchange } = await judge.pass(request, { expected });

    if (![status].flat().includes(exchange.status))
        exchange.problems.push(`instead of ${status}: ${answer.text.slice(0, 300)}`);
    if (answer.text)
        await must_refuse_spoilt(request, exchange);
    if (exchange.status < 300 && !samples.has(found.name)) {
        samples.set(found.name, request);
        await must_refuse_wrong_body(request);
    }
    return answer.headers['content-type']?.includes('json') ? JSON.parse(answer.text) : answer.text;
}

async function drive_script() {
    for (const [sentence, needs, body] of requests)
        await check(sentence, async () => {
            const absent = needs.filter((one) => !served.has(`${one.split(' ')[0]} /rest/api/3${one.split(' ')[1]}`));

            is('needed and not served by the sandbox', [], absent);

            /* what it stumbles over comes of what was wrong before, so that is told first */
            const stumble = await body(ask, judge.url).then(() => null, (error) => error);

            judge.require_clean();
            if (stumble)
                throw stumble;
        });
}

/* Each operation once more in the ways in which all are refused. */
async function drive_refusals() {
    const again = async (status, authorization, except = []) => {
        for (const [name, request] of samples)
            if (!except.includes(name)) {
                const { answer, exchange } = await judge.pass({ ...request, headers: { ...request.headers, authorization } });

                if (exchange.status !== status)
                    exchange.problems.push(`instead of ${status}: ${answer.text.slice(0, 300)}`);
            }
        judge.require_clean();
    };

    await check('a wrong token is refused everywhere with 401, as described', () =>
        /* like the real one, serverInfo asks for no credential */
        again(401, WRONG, ['GET /rest/api/3/serverInfo']));
    await check('beyond the hourly points all is refused with 429, as described', async () => {
        await steer('limits', { points: 1000, points_left: 0 });
        await again(429, BASIC, ['GET /rest/api/3/serverInfo']);
        await steer('limits', { points: 0 });
    });
}

await all(async () => {
    await start();
    await drive_client();
    await drive_script();
    await drive_refusals();
    await check('each endpoint of the sandbox that the description has was tried', () => {
        const tried = new Set([...judge.answered()].map(plain));
        const described = new Set(description.operations.map((one) => plain(one.name)));

        is('endpoints without a request in requests.mjs', [], [...served].filter((one) => described.has(one) && !tried.has(one)));
        note(`${tried.size} operations tried in ${judge.exchanges.length} exchanges; not in the description: ${[...served].filter((one) => !described.has(one)).join(', ') || 'none'}`);
    });
    await check('each entry of the allow-list was needed', () => {
        is('entries without use', [], allowed.filter((one) => !judge.used.has(one)).map((one) => one.why));
    });
});
