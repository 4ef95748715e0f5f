/*
 * client.mjs: does the client ask as the official description says, and cope with all that it allows?
 *
 *   tenon --> judge --> prism mock
 *
 * Prism answers from the description alone: with its examples, with any of its statuses ("Prefer: code="),
 * or with values made up from its schemas ("Prefer: dynamic=true, seed="). What is asserted:
 *   - each request conforms; the judge refuses one that does not, which fails the test;
 *   - whatever comes, the client ends by itself with a documented exit code, an error being one sentence;
 *   - afterwards the same mirror works on;
 *   - the examples of worklogs, where they are whole, arrive in the mirror as they stand in the description.
 * What is not: which warning a made-up value gets. That is for the tests of the sandbox's faults.
 *
 * Taken as they stand, the examples say nothing of a working site; `amend` repairs them, each for a reason.
 */
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { all, check, fail, folder, is, note, run } from './harness.mjs';
import { Description, Judge, as_version_3, start_prism } from './prism.mjs';

const [tenon_exe, , description_file, source_root] = process.argv.slice(2);
const EMAIL = 'ada@example.com';
const TOKEN = 'ATATT-contract-token';
const BASIC = `Basic ${Buffer.from(`${EMAIL}:${TOKEN}`).toString('base64')}`;
const MADE_UP = 'dynamic=true, seed=';
const SEEDS = 4;

const SERVER_INFO = 'GET /rest/api/3/serverInfo';
const MYSELF = 'GET /rest/api/3/myself';
const UPDATED = 'GET /rest/api/3/worklog/updated';
const DELETED = 'GET /rest/api/3/worklog/deleted';
const LIST = 'POST /rest/api/3/worklog/list';
const WORKLOG = 'GET /rest/api/3/issue/{issueIdOrKey}/worklog/{id}';
const ISSUE = 'GET /rest/api/3/issue/{issueIdOrKey}';

const description = new Description(description_file);
const judge = new Judge(description);
const operation_of = (request) => description.find(request.method, request.target)?.name;

const responses = (operation) => description.operations.find((one) => one.name === operation).operation.responses;
const example = (operation) => unwrap(responses(operation)[200].content['application/json'].example);
const ids = example(UPDATED).values.map((one) => String(one.worklogId)); /* of the worklogs of our site */

/* ---- The mock ---- */

let prefer = {}; /* operation -> what Prism is to prefer */
let mending = {}; /* operation -> (value, request) => value, over `amend` */
let examples_as_they_stand = false;
let closer = false; /* made-up values are brought closer to what a client takes in */

/* The examples of the description are JSON written into a string, where the value itself was meant. */
function unwrap(value) {
    return typeof value === 'string' ? JSON.parse(value) : value;
}

const amend = {
    [SERVER_INFO]: (value) => ({
        ...value,
        /* "always returned as Cloud", says the description, and its example lacks it */
        deploymentType: 'Cloud',
        /* "the time in Jira when this request was responded to": the example's is of 2020 */
        serverTime: new Date().toISOString().replace('Z', '+0000'),
    }),
    /* the example answers with a worklog that nobody asked for, and without `created`, which all have */
    [LIST]: (value, request) =>
        JSON.parse(request.text)
            .ids.filter((id) => ids.includes(String(id)))
            .map((id) => ({ ...value[0], id: String(id), created: value[0].started })),
    /* the example tells of the deletion of the very worklogs that the other feed tells of */
    [DELETED]: (value) => ({ ...value, values: [] }),
};

/* A site that no longer lists any worklog: the client must ask for each one that it has. */
const nothing_listed = { [UPDATED]: (value) => ({ ...value, values: [] }), [LIST]: () => [] };

/*
 * Made-up values brought closer to what a client takes in: no negative numbers, numbers for ids, and the ids
 * that were asked for. The description asks for none of it, so the values come both ways.
 */
function plausible(value, key = '') {
    if (Array.isArray(value))
        return value.map((one) => plausible(one));
    if (value && typeof value === 'object')
        return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, plausible(one, name)]));
    if (typeof value === 'number')
        return Math.abs(value);
    return key === 'id' || key === 'issueId' ? String(10_000 + value.length) : value;
}

function make_plausible(request, value) {
    const made = plausible(value);

    return operation_of(request) === LIST ? made.map((one, i) => ({ ...one, id: ids[i % ids.length] })) : made;
}

function after(request, answer) {
    const name = operation_of(request);

    if (examples_as_they_stand || answer.status !== 200 || !answer.text)
        return answer;
    if (prefer[name]?.startsWith(MADE_UP)) {
        const value = JSON.parse(answer.text);

        return { ...answer, text: JSON.stringify(closer ? make_plausible(request, value) : value) };
    }

    const mend = mending[name] ?? amend[name] ?? ((value) => value);

    return { ...answer, text: JSON.stringify(mend(unwrap(JSON.parse(answer.text)), request)) };
}

async function start() {
    judge.matters = (violation) => violation.startsWith('request');
    judge.before = (request) => {
        const sent = as_version_3(request);
        const wanted = prefer[operation_of(sent)];

        return wanted ? { ...sent, headers: { ...sent.headers, prefer: wanted } } : sent;
    };
    judge.after = after;
    await judge.open();
    judge.prism = await start_prism('mock', description_file);
}

/* Runs `body` with other answers than the usual ones. */
async function with_answers({ preferred = {}, mended = {}, raw = false }, body) {
    [prefer, mending, examples_as_they_stand] = [preferred, mended, raw];
    try {
        return await body();
    } finally {
        [prefer, mending, examples_as_they_stand] = [{}, {}, false];
    }
}

/* ---- The client ---- */

const data = path.join(folder, 'data');
const pristine = path.join(folder, 'pristine'); /* the data of a mirror that has all worklogs */
let whole = []; /* its rows */
const token_file = path.join(folder, 'token');

/* The codes that the documentation promises, but for the one that means a mistake of the program. */
const BUG = 70;
const exit_codes = [...readFileSync(path.join(source_root, 'docs/exit-codes.md'), 'utf8').matchAll(/^\| (\d+) \|/gm)]
    .map(([, code]) => Number(code))
    .filter((code) => code !== BUG);

/* Runs the client: it must end well, and have asked well. Gives what run() gives. */
async function tenon(...args) {
    const end = await run(tenon_exe, args, { TENON_DATA: data });
    const command = `tenon ${args.join(' ')}`;
    const shown = `${end.out}${end.err}`.slice(0, 1000);

    judge.require_clean();
    if (end.signal || !exit_codes.includes(end.code))
        fail(`${command} ends with ${end.signal ?? end.code}, which is not a documented way to end: ${shown}`);
    if (end.code !== 0 && !/^tenon( [a-z]+){0,2}: .{20,}\n$/.test(end.err))
        fail(`${command} fails with something else than one sentence: ${shown}`);
    if (end.code === 0 && end.err !== '')
        fail(`${command} complains on standard error and ends with 0: ${shown}`);
    if (shown.includes(TOKEN) || shown.includes(BASIC.split(' ')[1]))
        fail(`${command} shows its credential`);
    return end;
}

async function must(code, ...args) {
    const end = await tenon(...args);

    if (end.code !== code)
        fail(`tenon ${args.join(' ')} ends with ${end.code}, not ${code}: ${end.out}${end.err}`);
    return end;
}

const add = (name) => ['tenant', 'add', judge.url, '--name', name, '--email', EMAIL, '--token-file', token_file, '--allow-http', '--allow-private', '--json'];
const sync = async (...more) => JSON.parse((await must(0, 'sync', 'acme', '--json', ...more)).out);
const mirror = async () =>
    (await must(0, 'worklogs', 'acme', '--json')).out
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line));

/* ---- Checks ---- */

async function joining() {
    await check('examples as they stand, JSON inside of a string, are told not to be Jira', () =>
        with_answers({ raw: true }, async () => {
            const end = await must(76, ...add('acme'));

            is('names the address', true, end.err.includes(judge.url));
        }));
    await check('a site that does not say whether it is a Cloud ends in a sentence', () =>
        with_answers({ mended: { [SERVER_INFO]: (value) => value } }, () => must(65, ...add('acme'))));
    await check('with made-up answers no tenant is added, and each ends in a sentence', async () => {
        for (let seed = 1; seed <= SEEDS; seed++) {
            await with_answers({ preferred: { [SERVER_INFO]: MADE_UP + seed } }, async () => {
                is('added', false, (await tenon(...add('acme'))).code === 0);
            });
        }
    });
    await check('a tenant is added, as the account of the example', async () => {
        const added = JSON.parse((await must(0, ...add('acme'))).out);

        is('the account', example(MYSELF).accountId, added.account);
        is('the kind', 'cloud', added.kind);
    });
    await check('doctor finds nothing wrong', () => must(0, 'doctor'));
}

async function mirroring() {
    const source = example(LIST)[0];
    const stamp = (text) => new Date(text.replace('+0000', 'Z')).toISOString();

    await check('the first sync stores the worklog of the example under the ids of the feed', async () => {
        const result = await sync();

        is('mode and stored', ['full', ids.length], [result.mode, result.stored]);
        is('warnings', [], result.warnings);
        is(
            'the rows',
            ids.map((id) => ({
                id,
                issue: source.issueId,
                account: source.author.accountId,
                started: stamp(source.started),
                created: stamp(source.started),
                updated: stamp(source.updated),
                seconds: source.timeSpentSeconds,
                comment: source.comment.content[0].content[0].text,
                tags: [],
            })),
            await mirror(),
        );
    });
    await check('a verification finds no drift', async () => {
        is('the drift', 0, (await sync('--verify')).drift);
    });
    await check('deletions of the example are not believed while a direct read shows the worklogs', () =>
        with_answers({ mended: { [DELETED]: (value) => value } }, async () => {
            const result = await sync();

            is('deleted', 0, result.deleted);
            is('warnings', ids, result.warnings.map((one) => one.worklog));
            is('rows', ids.length, (await mirror()).length);
        }));
    whole = await mirror();
    cpSync(data, pristine, { recursive: true });
    await check('extra worklogs are deleted once reads say that they are gone and their issue is there', () =>
        with_answers(
            { preferred: { [WORKLOG]: 'code=404' }, mended: nothing_listed },
            async () => {
                const result = await sync('--verify');

                is('extra and deleted', [ids.length, ids.length], [result.extra, result.deleted]);
                is('rows', 0, (await mirror()).length);
            },
        ));
}

/* The command that makes a call for certain, and the answers that lead to it. */
const ways = {
    [SERVER_INFO]: { command: ['sync', 'acme', '--verify'] },
    [MYSELF]: { command: ['tenant', 'token', 'acme', '--email', EMAIL, '--token-file', token_file] },
    [UPDATED]: { command: ['sync', 'acme'] },
    [DELETED]: { command: ['sync', 'acme'] },
    [LIST]: { command: ['sync', 'acme', '--verify'] },
    [WORKLOG]: { command: ['sync', 'acme', '--verify'], mended: nothing_listed },
    [ISSUE]: { command: ['sync', 'acme', '--verify'], preferred: { [WORKLOG]: 'code=404' }, mended: nothing_listed },
};

/*
 * One call of the kind answered as wished: the command must end well, and leave a mirror that the usual
 * answers bring into step. Gives how the command ended.
 */
async function attempt(operation, wish) {
    const { command, preferred = {}, mended = {} } = ways[operation];
    const before = judge.exchanges.length;

    rmSync(data, { recursive: true });
    cpSync(pristine, data, { recursive: true });

    const end = await with_answers({ preferred: { ...preferred, [operation]: wish }, mended }, () => tenon(...command));

    if (!judge.exchanges.slice(before).some((one) => one.operation === operation))
        fail(`tenon ${command.join(' ')} does not call ${operation}, as this test supposes`);

    await sync('--verify');
    /* Also where a deletion was believed: what a verification reads is there again. */
    is('rows after the usual answers', whole, await mirror());
    return end;
}

async function refusals() {
    const wanted = { 400: 76, 401: 77 };

    for (const operation of Object.keys(ways))
        for (const code of Object.keys(responses(operation)).filter((one) => one !== '200'))
            await check(`${operation}: ${code} ends well`, async () => {
                const end = await attempt(operation, `code=${code}`);

                if (wanted[code])
                    is('the exit code', wanted[code], end.code);
            });
}

async function made_up() {
    for (const operation of Object.keys(ways).filter((one) => one !== ISSUE))
        for (closer of [false, true])
            await check(`${operation}: ${closer ? 'plausible' : 'made-up'} answers end well, and the mirror works on`, async () => {
                for (let seed = 1; seed <= SEEDS; seed++)
                    await attempt(operation, MADE_UP + seed).catch((error) => fail(`seed ${seed}: ${error.message}`));
            });
    closer = false;
}

async function the_judge_judges() {
    const refused = async (request, pattern) => {
        const { exchange } = await judge.pass(request, { quiet: true });

        if (!exchange.problems.some((one) => pattern.test(one)))
            fail(`${request.method} ${request.target} passes: ${exchange.problems}`);
    };
    const good = { method: 'POST', target: '/rest/api/3/worklog/list', headers: { authorization: BASIC, 'content-type': 'application/json' } };

    await refused({ ...good, text: '{"ids":["1"]}' }, /request\.body\.ids\.0/);
    await refused({ ...good, text: '{"id":[1]}' }, /request\.body/);
    await refused({ ...good, text: '{"ids":[1]}', headers: { 'content-type': 'application/json' } }, /security/);
    await refused({ ...good, text: 'ids=1', headers: { authorization: BASIC, 'content-type': 'text/plain' } }, /content types/);
    await refused({ method: 'GET', target: '/rest/api/3/worklog/updated?since=now', headers: { authorization: BASIC } }, /parameter since must be integer/);
    await refused({ method: 'GET', target: '/rest/api/3/worklogs', headers: { authorization: BASIC } }, /Prism answered itself/);
}

await all(async () => {
    await start();
    writeFileSync(token_file, TOKEN);
    await check('a request that is not as described is noticed', the_judge_judges);
    await joining();
    await mirroring();
    await refusals();
    await made_up();
    await check('the client made each kind of call that it can make', () => {
        is('operations', Object.keys(ways).sort(), [...new Set(judge.exchanges.map((one) => one.operation))].sort());
    });
    note(`${judge.exchanges.length} exchanges`);
});
