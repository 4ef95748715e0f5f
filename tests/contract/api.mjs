/*
 * api.mjs: does the server answer as its own published description says?
 *
 *   this test --> prism proxy (web/openapi.yaml, as the server gives it out) --> tenon serve --> tenon-sandbox
 *
 * Prism tells in a header what of a request or an answer differs from the description. Every operation must be
 * seen at least once with an answer that is not an error, but those named below with the reason.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { all, call, check, fail, folder, is, run, serve } from './harness.mjs';
import { start_prism } from './prism.mjs';

const [tenon_exe, sandbox_exe, , source_root] = process.argv.slice(2);
const SELF = '712020:5a4d0b5e-0000-4000-a000-000000000001';
/* Operations that this test cannot bring to a good answer: why. */
const left_out = {
    'GET /report.xlsx': 'bytes, which Prism would read as text; tests/e2e/report_http.sh reads them',
    'GET /worklogs.xlsx': 'the same',
    'POST /tenants': 'wants another site; tests/e2e/serve.sh does it',
};

const data = path.join(folder, 'data');
let jira, server, prism, person, admin, last_headers;
const seen = new Set();

async function tenon(...args) {
    const end = await run(tenon_exe, args, { TENON_DATA: data });

    is(`the exit code of tenon ${args.join(' ')} (${end.err})`, 0, end.code);
    return end.out;
}

/* The operation of the description that a request means. */
const description = readFileSync(path.join(source_root, 'web/openapi.yaml'), 'utf8');
const operations = [];
{
    let at, beside;
    for (const line of description.split('\n')) {
        if (/^components:/.test(line)) break;
        const path_line = /^  (\/\S*):$/.exec(line);
        if (path_line) [at, beside] = [path_line[1], false];
        beside ||= /^    servers:/.test(line); // not below /api/v1: what Jira calls, and health; tests/e2e does that
        if (beside) continue;
        const method = /^    (get|post|put|delete):/.exec(line)?.[1];
        if (method) operations.push({ name: `${method.toUpperCase()} ${at}`, method: method.toUpperCase(), pattern: new RegExp(`^${at.replace(/[.]/g, '\\.').replace(/\{[^}]*\}/g, '[^/]+')}$`), literal: !at.includes('{') });
    }
    operations.sort((a, b) => b.literal - a.literal);
}

async function ask(method, target, { body, as = person, status = 200, key, session } = {}) {
    const answer = await call(prism, {
        method,
        target,
        headers: { accept: 'application/json', ...(session ?? { authorization: `Bearer ${as}` }), ...(body ? { 'content-type': 'application/json' } : {}), ...(key ? { 'idempotency-key': key } : {}) },
        text: body ? JSON.stringify(body) : '',
    });
    last_headers = answer.headers;
    const wrong = JSON.parse(answer.headers['sl-violations'] ?? '[]');

    if (answer.status !== status) fail(`${method} ${target} answers ${answer.status} instead of ${status}: ${answer.text.slice(0, 400)}`);
    if (wrong.length) fail(`${method} ${target} differs from the description:`, ...wrong.slice(0, 8).map((one) => `  ${one.location.join('.')}: ${one.message}`));
    const operation = operations.find((one) => one.method === method && one.pattern.test(target.split('?')[0]));
    if (status < 400) seen.add(operation?.name);
    return answer.text && /json/.test(answer.headers['content-type'] ?? '') ? JSON.parse(answer.text) : answer.text;
}

all(async () => {
    const to = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
    const token = path.join(folder, 'token');

    writeFileSync(token, 'sandbox-token', { mode: 0o600 });
    [, jira] = await serve(sandbox_exe, ['--port', '0', '--generate', `worklogs=1500,issues=60,users=8,seed=3,from=2026-01-01,to=${to}`], /listening on (http:\S+)/);
    await tenon('tenant', 'add', jira, '--name', 'acme', '--email', 'demo@example.com', '--token-file', token, '--allow-http', '--allow-private');
    await tenon('sync', 'acme');
    await tenon('keys', 'rotate', 'acme'); // so that there is an old version
    person = JSON.parse(await tenon('token', 'add', 'acme', '--name', 'person', '--account', SELF, '--scopes', 'read,write,admin', '--json')).token;
    admin = JSON.parse(await tenon('token', 'add', 'acme', '--name', 'admin', '--administrator', '--scopes', 'read,write,admin', '--json')).token;
    const [, port] = await serve(tenon_exe, ['serve', '--listen', '127.0.0.1:0', '--public-url', 'https://tenon.example.com'], /listening on port (\d+)/, { TENON_DATA: data });
    server = `http://127.0.0.1:${port}`;

    await check('the server gives out the description', async () => {
        const answer = await call(server, { target: '/openapi.yaml' });
        is('the status', 200, answer.status);
        is('the description', description, answer.text);
    });
    prism = await start_prism('proxy', path.join(source_root, 'web/openapi.yaml'), `${server}/api/v1`);

    await check('who asks', async () => {
        is('the account', SELF, (await ask('GET', '/me')).account);
        await ask('GET', '/me', { as: admin });
        await ask('GET', '/session');
        await ask('GET', '/me', { as: 'tenon_wrong', status: 401 });
    });

    let made;
    await check('worklogs are written, read, tagged, moved and deleted', async () => {
        await ask('GET', '/issues?query=WEB');
        const { rows } = await ask('GET', '/report?group=issue&top=1');
        const body = { issue: rows[0].issue, started: '2026-02-03T09:00:00.000Z', seconds: 3600, comment: 'by the contract', tags: ['deep work'] };

        made = await ask('POST', '/worklogs', { body, status: 201, key: 'contract-1' });
        is('a repeat makes no second one', made.id, (await ask('POST', '/worklogs', { body, status: 201, key: 'contract-1' })).id);
        await ask('GET', `/worklogs/${made.id}`);
        await ask('PUT', `/worklogs/${made.id}`, { body: { seconds: 5400, comment: 'changed', estimate: { mode: 'leave' } } });
        await ask('PUT', `/worklogs/${made.id}/tags`, { body: { tags: ['deep work', 'billable'] } });
        is('the tags', ['billable', 'deep work'], (await ask('GET', '/tags')).tags.map((tag) => tag.name).sort());
        await ask('GET', '/worklogs?from=2026-02-01&to=2026-02-28&tz=Europe/Berlin&limit=20');
        await ask('GET', `/worklogs?account=${SELF}&issue=${made.issue}&issue=10000&tag=billable&tag=none&jql=project+%3D+WEB&filter=10000`);
        await ask('GET', '/worklogs?account=*&limit=1000', { as: admin });
        const moved = await ask('POST', '/worklogs/actions', { body: { action: 'move', ids: [made.id], date: '2026-02-04', tz: 'Europe/Berlin' } });
        is('what was not moved', [], moved.failed);
        await ask('POST', '/worklogs/actions', { body: { action: 'copy', ids: [made.id, '999999999'], date: '2026-02-05', tz: 'Europe/Berlin' } });
        await ask('DELETE', `/worklogs/${made.id}?estimate=auto`, { status: 204 });
        await ask('GET', `/worklogs/${made.id}`, { status: 404 });
        await ask('GET', '/worklogs.csv?from=2026-02-01&to=2026-02-28&tz=UTC');
    });

    await check('reports', async () => {
        await ask('GET', '/report?from=2026-01-01&to=2026-12-31&tz=Europe/Berlin&group=account,month&limit=50');
        await ask('GET', '/report?group=tag,week&order=seconds:desc&top=5', { as: admin });
        await ask('GET', '/report.csv?from=2026-01-01&to=2026-12-31&group=issue');
        await ask('GET', '/report?jql=project+%3D+WEB&group=issue');
        const saved = await ask('POST', '/reports', { body: { name: 'By month', query: 'group=account%2Cmonth', shared: true }, status: 201 });
        await ask('GET', '/reports');
        await ask('PUT', `/reports/${saved.id}`, { body: { name: 'By month and person', query: 'group=month', shared: false } });
        await ask('DELETE', `/reports/${saved.id}`, { status: 204 });
    });

    await check('names, live from Jira', async () => {
        const { worklogs } = await ask('GET', '/worklogs?from=2026-01-01&to=2026-12-31&tz=UTC&limit=5');

        await ask('POST', '/labels', { body: { accounts: [SELF], issues: worklogs.map((w) => w.issue) } });
        await ask('GET', '/people?query=a');
        await ask('GET', '/filters');
        await ask('POST', '/jql/check', { body: { jql: 'project = WEB' } });
        is('no JQL', false, (await ask('POST', '/jql/check', { body: { jql: 'project = = WEB' } })).ok);
    });

    await check('settings and days', async () => {
        const settings = await ask('GET', '/settings');

        await ask('PUT', '/settings', { body: { ...settings, holidays: ['2026-12-25'], expected_seconds: 27000 } });
        await ask('GET', '/missing-days?from=2026-02-01&to=2026-02-28&tz=UTC');
        await ask('GET', '/day-totals?from=2026-02-01&to=2026-02-28&tz=UTC');
    });

    await check('the synchronization', async () => {
        await ask('GET', '/sync');
        await ask('POST', '/sync', { body: { mode: 'verify' }, status: 202 });
        await ask('DELETE', '/sync', { status: 202 });
        await ask('GET', '/sync/warnings?limit=10');
        await ask('GET', '/sync/runs');
    });

    await check('a token within a tenant knows of no other', async () => {
        is('the sites', ['acme'], (await ask('GET', '/tenants', { as: admin })).tenants.map((one) => one.name));
        await ask('GET', '/tenants/acme/webhook', { as: admin, status: 403 });
    });

    await check('an administrator signs in, makes tokens, and leaves', async () => {
        const link = /link=(\S+)/.exec(await tenon('admin'))[1];

        await ask('POST', '/session', { session: {}, body: { link, password: 'correct horse battery' }, status: 204 });
        const cookie = String(last_headers['set-cookie']).split(';')[0];
        const { csrf } = await ask('GET', '/me', { session: { cookie } });
        const session = { cookie, 'x-tenon-csrf': csrf };
        await ask('POST', '/tenants/acme/webhook', { session });
        await ask('GET', '/tenants/acme/webhook', { session });
        const made = await ask('POST', '/tokens', { session, body: { name: 'for a script', scopes: ['read'], expires_days: 7 }, status: 201 });
        await ask('GET', '/tokens', { session });
        await ask('DELETE', `/tokens/${made.id}`, { session, status: 204 });
        is('what was queued', 1, (await ask('POST', '/backups', { session, body: { of: 'acme' }, status: 202 })).queued);
        for (let tries = 0; (await ask('GET', '/backups', { session })).backups.length === 0; tries++) {
            if (tries === 200) fail('the backup is not listed after 200 looks');
            await new Promise((done) => setTimeout(done, 100));
        }
        const [ours, control] = (await ask('GET', '/keys', { session })).keys;
        is('whose keys', ['acme', null], [ours.name, control.name]);
        is('a rotation at its end', [2, 2, false, [1, 2]], [ours.seals, ours.database, ours.rotating, ours.versions.map((one) => one.version)]);
        is('what the old version seals', 0, ours.versions[0].values);
        if (ours.versions[1].values < 1000) fail(`the new version seals ${ours.versions[1].values} values, fewer than there are comments`);
        is('the only version is not counted', [null], control.versions.map((one) => one.values));
        await ask('GET', '/keys', { as: admin, status: 403 });
        await ask('DELETE', '/session', { session, status: 204 });
    });

    await check('what is stored', () => ask('GET', '/data'));

    await check('who did what', async () => {
        const { acts, next } = await ask('GET', '/audit?limit=1', { as: admin });

        is('a page', 1, acts.length);
        await ask('GET', `/audit?limit=5&cursor=${next}&act=token_added`, { as: admin });
        await ask('GET', '/audit?limit=5&leave_out=open_secret&leave_out=sign_in&act=token_added&act=sign_in&by=token&by=operator', { as: admin });
        await ask('GET', '/audit?act=no_such_act', { as: admin, status: 422 });
    });

    await check('one person, and the configuration', async () => {
        const { rows } = await ask('GET', '/report?group=account', { as: admin });
        const who = `/people/${encodeURIComponent(rows.find((row) => row.account && row.account !== SELF).account)}`;
        const counts = (of) => of.tenants[0].records.map((one) => [one.record, one.count, one.rows.length]);
        const whole = counts(await ask('GET', who, { as: admin }));

        is('all rows', whole.map((one) => one[1]), whole.map((one) => one[2]));
        is('counts alone', whole.map(([record, count]) => [record, count, 0]), counts(await ask('GET', `${who}?rows=0`, { as: admin })));
        is('one row of each', whole.map(([record, count]) => [record, count, 1]), counts(await ask('GET', `${who}?rows=1`, { as: admin })));
        await ask('GET', `${who}/export`, { as: admin });
        is('what went', whole.reduce((n, one) => n + one[1], 0), (await ask('DELETE', who, { as: admin })).rows);
        await ask('DELETE', who, { as: admin, status: 404 });
        is('nothing is held', [false, true], (({ held, erased }) => [held, erased])((await ask('GET', who, { as: admin })).tenants[0]));

        const configuration = await ask('GET', '/configuration', { as: admin });
        is('what was left out', 0, (await ask('POST', '/configuration', { as: admin, body: configuration })).left_out);
        await ask('POST', '/configuration', { as: admin, body: { ...configuration, from: 'https://other.example.com' }, status: 409 });
    });

    await check('wrong questions are answered with a problem document', async () => {
        await ask('GET', '/missing-days?from=2026-02-01&to=2029-02-28&tz=UTC', { status: 413 });
        await ask('POST', '/worklogs', { body: { issue: 'WEB-1', started: '2026-02-30T09:00:00.000Z', seconds: 60 }, status: 422 });
    });

    await check('every operation of the description was seen', () => {
        const missing = operations.map((one) => one.name).filter((name) => !seen.has(name) && !left_out[name]);
        is('not seen', [], missing);
    });
});
