/*
 * requests.mjs: the requests by which sandbox.mjs tries what the real client does not call.
 *
 * Each entry: a sentence, the operations it needs, and a function of ask(line, {body, status, …}), which
 * notes any difference from the description and gives the answer, and of the base URL of the site. The bodies are what a client of the
 * real site would send, the good ones and those that Jira refuses. What the answers mean is the business of
 * the sandbox's own tests; here it is asked only so far as one request builds on another.
 */
import { fail } from './harness.mjs';

const API = '/rest/api/3';
const NO_ISSUE = 'NOSUCH-999999';
const NO_ID = '987654321';

const document_of = (text) => ({ type: 'doc', version: 1, content: [{ type: 'paragraph', content: [{ type: 'text', text }] }] });
const started = '2026-03-04T09:15:00.000+0100';

async function some_worklogs(ask, count = 5) {
    const feed = await ask(`GET ${API}/worklog/updated`);

    return ask(`POST ${API}/worklog/list`, { body: { ids: feed.values.slice(0, count).map((one) => one.worklogId) } });
}

/* Two different issues, by id. */
async function two_issues(ask) {
    const all = [...new Set((await some_worklogs(ask, 200)).map((one) => one.issueId))];

    if (all.length < 2)
        fail('the site has worklogs on one issue only');
    return all.slice(0, 2);
}

const one_issue = async (ask) => (await two_issues(ask))[0];
const me = async (ask) => (await ask(`GET ${API}/myself`)).accountId;

/* Properties of anything: made, replaced, listed, read, deleted, gone. */
async function try_properties(ask, base) {
    await ask(`PUT ${base}/contract.test`, { body: { tags: ['a', 'b'], n: 1 }, status: 201 });
    await ask(`PUT ${base}/contract.test`, { body: { tags: [], n: 2 }, status: 200 });
    await ask(`GET ${base}`);
    await ask(`GET ${base}/contract.test`);
    await ask(`DELETE ${base}/contract.test`, { status: 204 });
    await ask(`GET ${base}/contract.test`, { status: 404 });
    await ask(`DELETE ${base}/contract.test`, { status: 404 });
}

/* What one_issue, two_issues, some_worklogs and me ask. */
const BASIC_NEEDS = ['GET /myself', 'GET /worklog/updated', 'POST /worklog/list'];

export const requests = [
    [
        'the site and the person are told as described',
        ['GET /serverInfo', 'GET /myself'],
        async (ask) => {
            await ask(`GET ${API}/serverInfo`);
            await ask(`GET ${API}/myself`);
            await ask(`GET ${API}/myself?expand=groups,applicationRoles`);
        },
    ],
    [
        'the feeds are as described, with and without properties, on every page',
        ['GET /worklog/updated', 'GET /worklog/deleted'],
        async (ask, home) => {
            for (const feed of ['updated?since=0', 'deleted?since=0', 'updated?since=0&expand=properties', 'updated?since=4102444800000', 'deleted'])
                for (let target = `${API}/worklog/${feed}`, pages = 0; target && pages < 9; pages++) {
                    const page = await ask(`GET ${target}`);
                    const next = new URL(page.nextPage);

                    if (next.origin !== home || new URL(page.self).origin !== home)
                        fail(`a link leads elsewhere than ${home}: ${page.self}, ${page.nextPage}`);
                    target = page.lastPage ? '' : next.pathname + next.search;
                }
        },
    ],
    [
        'worklogs are listed by ids as described',
        ['POST /worklog/list', 'GET /worklog/updated'],
        async (ask) => {
            const ids = (await some_worklogs(ask, 500)).map((one) => Number(one.id));

            await ask(`POST ${API}/worklog/list?expand=properties`, { body: { ids: ids.slice(0, 50) } });
            await ask(`POST ${API}/worklog/list`, { body: { ids: [Number(NO_ID)] } });
            await ask(`POST ${API}/worklog/list`, { body: { ids: [] }, status: 400 });
            await ask(`POST ${API}/worklog/list`, { body: { ids: Array.from({ length: 1001 }, (_, i) => i + 1) }, status: 400 });
            await ask(`POST ${API}/worklog/list`, { body: { ids: ['x'] }, status: 400, expected: [/request\.body\.ids\.0/] });
        },
    ],
    [
        'the worklogs of an issue are paged and filtered as described',
        ['GET /issue/{}/worklog', ...BASIC_NEEDS],
        async (ask) => {
            const issue = await one_issue(ask);

            await ask(`GET ${API}/issue/${issue}/worklog`);
            await ask(`GET ${API}/issue/${issue}/worklog?startAt=1&maxResults=2&expand=properties`);
            await ask(`GET ${API}/issue/${issue}/worklog?startedAfter=1735689600000&startedBefore=1767225600000`);
            await ask(`GET ${API}/issue/${NO_ISSUE}/worklog`, { status: 404 });
        },
    ],
    [
        'worklogs are added, read, changed and deleted as described',
        ['POST /issue/{}/worklog', 'GET /issue/{}/worklog/{}', 'PUT /issue/{}/worklog/{}', 'DELETE /issue/{}/worklog/{}', ...BASIC_NEEDS],
        async (ask) => {
            const issue = await one_issue(ask);
            const base = `${API}/issue/${issue}/worklog`;
            const made = await ask(`POST ${base}`, { status: 201, body: { started, timeSpentSeconds: 5400, comment: document_of('tried by contract') } });

            await ask(`POST ${base}?notifyUsers=false&adjustEstimate=leave`, { status: 201, body: { started, timeSpent: '1h 30m' } });
            await ask(`POST ${base}?expand=properties`, {
                status: 201,
                body: {
                    started,
                    timeSpentSeconds: 60,
                    visibility: { type: 'role', value: 'Administrators' },
                    properties: [{ key: 'contract.test', value: { deep: [1, 'two', null] } }],
                },
            });
            await ask(`GET ${base}/${made.id}`);
            await ask(`GET ${base}/${made.id}?expand=properties`);
            await ask(`PUT ${base}/${made.id}`, { body: { timeSpentSeconds: 7200, comment: document_of('changed') } });
            await ask(`PUT ${base}/${made.id}?notifyUsers=false`, { body: { started: '2026-03-05T08:00:00.000+0000' } });
            await ask(`POST ${base}`, { status: 400, body: { started } });
            await ask(`POST ${base}`, { status: 400, body: { started, timeSpent: 'a while' } });
            await ask(`PUT ${base}/${made.id}`, { status: 400, body: { timeSpent: 'a while' } });
            await ask(`DELETE ${base}/${made.id}?adjustEstimate=leave`, { status: 204 });
            await ask(`GET ${base}/${made.id}`, { status: 404 });
            await ask(`PUT ${base}/${made.id}`, { status: 404, body: { timeSpentSeconds: 60 } });
            await ask(`DELETE ${base}/${made.id}`, { status: 404 });
            await ask(`POST ${API}/issue/${NO_ISSUE}/worklog`, { status: 404, body: { started, timeSpentSeconds: 60 } });
        },
    ],
    [
        'worklogs are deleted and moved in bulk as described',
        ['DELETE /issue/{}/worklog', 'POST /issue/{}/worklog/move', 'POST /issue/{}/worklog', ...BASIC_NEEDS],
        async (ask) => {
            const [from, to] = await two_issues(ask);
            const add = async () => Number((await ask(`POST ${API}/issue/${from}/worklog`, { status: 201, body: { started, timeSpentSeconds: 60 } })).id);
            const ids = [await add(), await add(), await add()];

            await ask(`POST ${API}/issue/${from}/worklog/move`, { status: [200, 204], body: { ids: ids.slice(0, 2), issueIdOrKey: to } });
            await ask(`POST ${API}/issue/${from}/worklog/move`, { status: 404, body: { ids: ids.slice(2), issueIdOrKey: NO_ISSUE } });
            await ask(`DELETE ${API}/issue/${from}/worklog?adjustEstimate=leave`, { status: [200, 204], body: { ids: ids.slice(2) } });
            await ask(`DELETE ${API}/issue/${NO_ISSUE}/worklog`, { status: 404, body: { ids } });
        },
    ],
    [
        'properties of worklogs are as described',
        ['GET /issue/{}/worklog/{}/properties', 'GET /issue/{}/worklog/{}/properties/{}', 'PUT /issue/{}/worklog/{}/properties/{}', 'DELETE /issue/{}/worklog/{}/properties/{}', ...BASIC_NEEDS],
        async (ask) => {
            const [worklog] = await some_worklogs(ask, 1);

            await try_properties(ask, `${API}/issue/${worklog.issueId}/worklog/${worklog.id}/properties`);
            await ask(`GET ${API}/issue/${worklog.issueId}/worklog/${NO_ID}/properties`, { status: 404 });
        },
    ],
    [
        'properties of issues are as described',
        ['GET /issue/{}/properties', 'GET /issue/{}/properties/{}', 'PUT /issue/{}/properties/{}', 'DELETE /issue/{}/properties/{}', ...BASIC_NEEDS],
        async (ask) => {
            await try_properties(ask, `${API}/issue/${await one_issue(ask)}/properties`);
            await ask(`GET ${API}/issue/${NO_ISSUE}/properties`, { status: 404 });
        },
    ],
    [
        'an issue is told as described, whole and in parts',
        ['GET /issue/{}', ...BASIC_NEEDS],
        async (ask) => {
            const issue = await one_issue(ask);
            const whole = await ask(`GET ${API}/issue/${issue}`);

            await ask(`GET ${API}/issue/${whole.key}`);
            for (const query of ['fields=id', 'fields=summary,status&fields=worklog', 'fields=*navigable', 'fields=-comment', 'properties=*all', 'expand=names,schema,renderedFields,transitions,operations,editmeta,changelog'])
                await ask(`GET ${API}/issue/${issue}?${query}`);
            await ask(`GET ${API}/issue/${NO_ISSUE}`, { status: 404 });
        },
    ],
    [
        'a search by GET is as described on every page',
        ['GET /search/jql'],
        async (ask) => {
            const query = new URLSearchParams({ jql: 'created > "2000-01-01" order by created asc', maxResults: '25', fields: 'summary,status,assignee' });
            let pages = 0;

            for (let token = ''; pages < 4; pages++) {
                const page = await ask(`GET ${API}/search/jql?${query}${token && `&nextPageToken=${encodeURIComponent(token)}`}`);

                token = page.nextPageToken;
                if (page.isLast || !token)
                    break;
            }
            if (pages === 0)
                fail('the search has one page only');
            await ask(`GET ${API}/search/jql?jql=${encodeURIComponent('key = NOSUCH-1 and created > "2000-01-01"')}`, { status: [200, 400] });
            await ask(`GET ${API}/search/jql?jql=${encodeURIComponent('created >')}`, { status: 400 });
            await ask(`GET ${API}/search/jql?jql=${encodeURIComponent('order by created')}`, { status: 400 });
        },
    ],
    [
        'a search by POST is as described',
        ['POST /search/jql', ...BASIC_NEEDS],
        async (ask) => {
            const [one, two] = await two_issues(ask);
            const jql = `id in (${one}, ${two})`;

            await ask(`POST ${API}/search/jql`, { body: { jql } });
            await ask(`POST ${API}/search/jql`, { body: { jql, fields: ['*all'], maxResults: 1 } });
            await ask(`POST ${API}/search/jql`, { body: { jql, fields: ['summary', 'project'], expand: 'names,schema', reconcileIssues: [Number(one)] } });
            await ask(`POST ${API}/search/jql`, { body: { jql: 'nonsense' }, status: 400 });
            await ask(`POST ${API}/search/jql`, { body: { jql, nextPageToken: 'not-a-token' }, status: 400 });
        },
    ],
    [
        'a search by the old way is refused as the real site refuses it now',
        ['GET /search', 'POST /search'],
        async (ask) => {
            await ask(`GET ${API}/search?jql=${encodeURIComponent('created > "2000-01-01"')}`, { status: 410 });
            await ask(`POST ${API}/search`, { body: { jql: 'created > "2000-01-01"' }, status: 410 });
        },
    ],
    [
        'issues are counted as described',
        ['POST /search/approximate-count'],
        async (ask) => {
            await ask(`POST ${API}/search/approximate-count`, { body: { jql: 'created > "2000-01-01"' } });
            await ask(`POST ${API}/search/approximate-count`, { body: { jql: '=' }, status: 400 });
            await ask(`POST ${API}/search/approximate-count`, { body: { jql: '' }, status: 400 });
        },
    ],
    [
        'issues are fetched in bulk as described, those too that are not there',
        ['POST /issue/bulkfetch', ...BASIC_NEEDS],
        async (ask) => {
            const [one, two] = await two_issues(ask);

            await ask(`POST ${API}/issue/bulkfetch`, { body: { issueIdsOrKeys: [one, two, NO_ISSUE, NO_ID], fields: ['summary', 'worklog'] } });
            await ask(`POST ${API}/issue/bulkfetch`, { body: { issueIdsOrKeys: [one], expand: ['names', 'renderedFields'] } });
            await ask(`POST ${API}/issue/bulkfetch`, { body: { issueIdsOrKeys: [] }, status: 400 });
            await ask(`POST ${API}/issue/bulkfetch`, { body: { issueIdsOrKeys: Array.from({ length: 101 }, (_, i) => String(i)) }, status: 400 });
        },
    ],
    [
        'issues are held against JQL as described',
        ['POST /jql/match', ...BASIC_NEEDS],
        async (ask) => {
            const issueIds = (await two_issues(ask)).map(Number);

            await ask(`POST ${API}/jql/match`, { body: { issueIds, jqls: ['created > "2000-01-01"', 'created <', `id = ${issueIds[0]}`] } });
            await ask(`POST ${API}/jql/match`, { body: { issueIds, jqls: [] }, status: [200, 400] });
        },
    ],
    [
        'queries are parsed as described, those too that are none',
        ['POST /jql/parse'],
        async (ask) => {
            const { queries } = await ask(`POST ${API}/jql/parse?validation=strict`, { body: { queries: ['assignee is not EMPTY ORDER BY created', 'created <', 'no_such_field = 1'] } });

            if (queries[0].errors || !queries[1].errors || !queries[2].errors)
                fail(`queries are judged wrongly: ${JSON.stringify(queries)}`);
            await ask(`POST ${API}/jql/parse?validation=none`, { body: { queries: ['created <'] } });
            await ask(`POST ${API}/jql/parse?validation=strict`, { body: { queries: [] }, status: 400 });
        },
    ],
    [
        'issues are suggested as described',
        ['GET /issue/picker', 'GET /issue/{}', ...BASIC_NEEDS],
        async (ask) => {
            const { key } = await ask(`GET ${API}/issue/${await one_issue(ask)}?fields=summary`);
            const { sections } = await ask(`GET ${API}/issue/picker?query=${key}`);

            if (!sections.some((one) => one.issues.some((issue) => issue.key === key)))
                fail(`${key} is not suggested for its own key`);
            await ask(`GET ${API}/issue/picker?query=nothing-is-called-this&showSubTasks=true`);
            await ask(`GET ${API}/issue/picker`);
        },
    ],
    [
        'filters are searched and told as described',
        ['GET /filter/search', 'GET /filter/favourite', 'GET /filter/{}', 'GET /myself'],
        async (ask) => {
            const page = await ask(`GET ${API}/filter/search?orderBy=name&maxResults=1&startAt=0&expand=jql,owner,sharePermissions`);

            if (page.values.length !== 1 || page.isLast)
                fail(`a page of one filter: ${JSON.stringify(page)}`);
            await ask(`GET ${API}/filter/search?orderBy=name&maxResults=1&startAt=1`);
            await ask(`GET ${API}/filter/search?accountId=${await me(ask)}`);
            await ask(`GET ${API}/filter/favourite`);
            await ask(`GET ${API}/filter/${page.values[0].id}`);
            await ask(`GET ${API}/filter/${NO_ID}`, { status: 400 });
        },
    ],
    ['fields are as described', ['GET /field'], (ask) => ask(`GET ${API}/field`)],
    ['the settings are as described', ['GET /configuration'], (ask) => ask(`GET ${API}/configuration`)],
    ['issue types are as described', ['GET /issuetype'], (ask) => ask(`GET ${API}/issuetype`)],
    ['statuses are as described', ['GET /status'], (ask) => ask(`GET ${API}/status`)],
    [
        'projects are searched as described',
        ['GET /project/search'],
        async (ask) => {
            const page = await ask(`GET ${API}/project/search`);

            await ask(`GET ${API}/project/search?startAt=1&maxResults=1&expand=description,lead,issueTypes`);
            await ask(`GET ${API}/project/search?keys=${page.values[0].key}`);
            await ask(`GET ${API}/project/search?id=${page.values[0].id}&status=live`);
        },
    ],
    [
        'all projects are listed as described',
        ['GET /project'],
        async (ask) => {
            await ask(`GET ${API}/project`);
            await ask(`GET ${API}/project?expand=description,lead`);
        },
    ],
    [
        'a project is told as described',
        ['GET /project/{}', 'GET /project/search'],
        async (ask) => {
            const { values } = await ask(`GET ${API}/project/search`);

            await ask(`GET ${API}/project/${values[0].key}`);
            await ask(`GET ${API}/project/${values[0].id}`);
            await ask(`GET ${API}/project/NOSUCH`, { status: 404 });
        },
    ],
    [
        'all people are listed as described',
        ['GET /users/search'],
        async (ask) => {
            await ask(`GET ${API}/users/search`);
            await ask(`GET ${API}/users/search?startAt=2&maxResults=3`);
            await ask(`GET ${API}/users/search?startAt=100000`);
        },
    ],
    [
        'one person is told as described',
        ['GET /user', 'GET /myself'],
        async (ask) => {
            await ask(`GET ${API}/user?accountId=${await me(ask)}`);
            await ask(`GET ${API}/user?accountId=5b0000000000000000000000`, { status: 404 });
        },
    ],
    [
        'people are found by what they are called, as described',
        ['GET /user/search', 'GET /users/search'],
        async (ask) => {
            const [person] = await ask(`GET ${API}/users/search?maxResults=1`);
            const found = await ask(`GET ${API}/user/search?query=${encodeURIComponent(person.displayName)}`);

            if (!found.some((one) => one.accountId === person.accountId))
                fail(`nobody is found by the name ${person.displayName}`);
            await ask(`GET ${API}/user/search?query=a&maxResults=2`);
            await ask(`GET ${API}/user/search?query=nobody-is-called-this`);
            await ask(`GET ${API}/user/search`, { status: 400 });
        },
    ],
    [
        'the groups of a person are told as described',
        ['GET /user/groups', 'GET /myself'],
        async (ask) => {
            const groups = await ask(`GET ${API}/user/groups?accountId=${await me(ask)}`);

            if (!groups.every((one) => one.groupId) || groups.length === 0)
                fail('somebody is in no group, or a group has no id');
            await ask(`GET ${API}/user/groups?accountId=5b0000000000000000000000`, { status: 404 });
        },
    ],
    [
        'several people are told as described',
        ['GET /user/bulk', 'GET /users/search'],
        async (ask) => {
            const people = await ask(`GET ${API}/users/search`);

            await ask(`GET ${API}/user/bulk?${people.slice(0, 3).map((one) => `accountId=${one.accountId}`).join('&')}`);
            await ask(`GET ${API}/user/bulk?accountId=${people[0].accountId}&maxResults=1`);
        },
    ],
    [
        'permissions are checked in bulk as described',
        ['POST /permissions/check', ...BASIC_NEEDS],
        async (ask) => {
            const issues = (await two_issues(ask)).map(Number);

            await ask(`POST ${API}/permissions/check`, { body: { globalPermissions: ['ADMINISTER'], projectPermissions: [{ permissions: ['BROWSE_PROJECTS', 'WORK_ON_ISSUES'], issues }] } });
            await ask(`POST ${API}/permissions/check`, { body: { projectPermissions: [{ permissions: ['BROWSE_PROJECTS'], projects: [10000] }], accountId: await me(ask) } });
            await ask(`POST ${API}/permissions/check`, { body: { globalPermissions: ['NO_SUCH_PERMISSION'] }, status: 400 });
        },
    ],
    [
        'the permissions of the caller are as described',
        ['GET /mypermissions', ...BASIC_NEEDS],
        async (ask) => {
            await ask(`GET ${API}/mypermissions?permissions=BROWSE_PROJECTS,ADMINISTER`);
            await ask(`GET ${API}/mypermissions?permissions=EDIT_ALL_WORKLOGS&issueId=${await one_issue(ask)}`);
            await ask(`GET ${API}/mypermissions`, { status: 400 });
            await ask(`GET ${API}/mypermissions?permissions=NO_SUCH_PERMISSION`, { status: 400 });
            await ask(`GET ${API}/mypermissions?permissions=BROWSE_PROJECTS&issueKey=${NO_ISSUE}`, { status: 404 });
        },
    ],
    [
        'comments are added, listed, read, changed and deleted as described',
        ['GET /issue/{}/comment', 'POST /issue/{}/comment', 'GET /issue/{}/comment/{}', 'PUT /issue/{}/comment/{}', 'DELETE /issue/{}/comment/{}', ...BASIC_NEEDS],
        async (ask) => {
            const base = `${API}/issue/${await one_issue(ask)}/comment`;
            const made = await ask(`POST ${base}`, { status: 201, body: { body: document_of('a comment') } });

            await ask(`POST ${base}`, { status: 201, body: { body: document_of('for some'), visibility: { type: 'role', value: 'Administrators' } } });
            await ask(`GET ${base}`);
            await ask(`GET ${base}?startAt=0&maxResults=1&orderBy=-created&expand=renderedBody`);
            await ask(`GET ${base}/${made.id}`);
            await ask(`PUT ${base}/${made.id}`, { body: { body: document_of('another') } });
            await ask(`POST ${base}`, { status: 400, body: {} });
            await ask(`DELETE ${base}/${made.id}`, { status: 204 });
            await ask(`GET ${base}/${made.id}`, { status: 404 });
            await ask(`PUT ${base}/${made.id}`, { status: 404, body: { body: document_of('late') } });
            await ask(`GET ${API}/issue/${NO_ISSUE}/comment`, { status: 404 });
        },
    ],
    [
        'comments are listed by ids as described',
        ['POST /comment/list', 'POST /issue/{}/comment', ...BASIC_NEEDS],
        async (ask) => {
            const made = await ask(`POST ${API}/issue/${await one_issue(ask)}/comment`, { status: 201, body: { body: document_of('listed') } });

            await ask(`POST ${API}/comment/list`, { body: { ids: [Number(made.id), Number(NO_ID)] } });
            await ask(`POST ${API}/comment/list`, { body: { ids: [] }, status: [200, 400] });
        },
    ],
    [
        'attachments are sent, told, read and deleted as described',
        ['POST /issue/{}/attachments', 'GET /attachment/{}', 'GET /attachment/content/{}', 'DELETE /attachment/{}', ...BASIC_NEEDS],
        async (ask) => {
            const base = `${API}/issue/${await one_issue(ask)}/attachments`;
            const form = ['--contract', 'Content-Disposition: form-data; name="file"; filename="notes.txt"', 'Content-Type: text/plain', '', 'some notes', '--contract--', ''].join('\r\n');
            const headers = { 'content-type': 'multipart/form-data; boundary=contract', 'x-atlassian-token': 'no-check' };
            const [made] = await ask(`POST ${base}`, { body: form, headers });

            await ask(`GET ${API}/attachment/${made.id}`);
            await ask(`GET ${API}/attachment/content/${made.id}?redirect=false`);
            await ask(`GET ${API}/attachment/content/${made.id}`, { status: [200, 303] });
            await ask(`POST ${base}`, { body: form, headers: { ...headers, 'x-atlassian-token': 'check' }, status: 403 });
            await ask(`POST ${API}/issue/${NO_ISSUE}/attachments`, { body: form, headers, status: 404 });
            await ask(`DELETE ${API}/attachment/${made.id}`, { status: 204 });
            await ask(`GET ${API}/attachment/${made.id}`, { status: 404 });
            await ask(`GET ${API}/attachment/content/${made.id}`, { status: 404 });
        },
    ],
    ['the settings of attachments are as described', ['GET /attachment/meta'], (ask) => ask(`GET ${API}/attachment/meta`)],
    [
        'links between issues are made, told and deleted as described',
        ['POST /issueLink', 'GET /issueLink/{}', 'DELETE /issueLink/{}', 'GET /issue/{}', ...BASIC_NEEDS],
        async (ask) => {
            const [one, two] = await two_issues(ask);
            const keys = [(await ask(`GET ${API}/issue/${one}?fields=id`)).key, (await ask(`GET ${API}/issue/${two}?fields=id`)).key];

            await ask(`POST ${API}/issueLink`, { status: 201, body: { type: { name: 'Blocks' }, inwardIssue: { key: keys[0] }, outwardIssue: { key: keys[1] } } });

            const { fields } = await ask(`GET ${API}/issue/${one}?fields=issuelinks`);
            const link = fields.issuelinks.at(-1).id;

            await ask(`GET ${API}/issueLink/${link}`);
            await ask(`POST ${API}/issueLink`, { status: 404, body: { type: { name: 'Blocks' }, inwardIssue: { key: keys[0] }, outwardIssue: { key: NO_ISSUE } } });
            await ask(`POST ${API}/issueLink`, { status: [400, 404], body: { type: { name: 'No such type' }, inwardIssue: { key: keys[0] }, outwardIssue: { key: keys[1] } } });
            await ask(`DELETE ${API}/issueLink/${link}`, { status: [200, 204] });
            await ask(`GET ${API}/issueLink/${link}`, { status: 404 });
            await ask(`DELETE ${API}/issueLink/${link}`, { status: 404 });
        },
    ],
    [
        'types of links are as described',
        ['GET /issueLinkType', 'GET /issueLinkType/{}'],
        async (ask) => {
            const { issueLinkTypes } = await ask(`GET ${API}/issueLinkType`);

            await ask(`GET ${API}/issueLinkType/${issueLinkTypes[0].id}`);
            await ask(`GET ${API}/issueLinkType/${NO_ID}`, { status: 404 });
        },
    ],
    [
        'remote links are made, replaced, told and deleted as described',
        ['GET /issue/{}/remotelink', 'POST /issue/{}/remotelink', 'GET /issue/{}/remotelink/{}', 'PUT /issue/{}/remotelink/{}', 'DELETE /issue/{}/remotelink/{}', ...BASIC_NEEDS],
        async (ask) => {
            const base = `${API}/issue/${await one_issue(ask)}/remotelink`;
            const body = { globalId: 'system=contract&id=1', relationship: 'causes', object: { url: 'https://example.com/1', title: 'One' } };
            const made = await ask(`POST ${base}`, { status: 201, body });

            await ask(`POST ${base}`, { status: 200, body: { ...body, object: { ...body.object, summary: 'again' } } });
            await ask(`GET ${base}`);
            await ask(`GET ${base}?globalId=${encodeURIComponent(body.globalId)}`);
            await ask(`GET ${base}/${made.id}`);
            await ask(`PUT ${base}/${made.id}`, { status: 204, body });
            await ask(`DELETE ${base}/${made.id}`, { status: 204 });
            await ask(`GET ${base}/${made.id}`, { status: 404 });
            await ask(`POST ${base}`, { status: 400, body: { object: {} }, expected: [/required property 'url'/, /required property 'title'/] });
            await ask(`GET ${API}/issue/${NO_ISSUE}/remotelink`, { status: 404 });
        },
    ],
    [
        'remote links are deleted by their global id as described',
        ['DELETE /issue/{}/remotelink', 'POST /issue/{}/remotelink', ...BASIC_NEEDS],
        async (ask) => {
            const base = `${API}/issue/${await one_issue(ask)}/remotelink`;
            const globalId = 'system=contract&id=2';

            await ask(`POST ${base}`, { status: 201, body: { globalId, object: { url: 'https://example.com/2', title: 'Two' } } });
            await ask(`DELETE ${base}?globalId=${encodeURIComponent(globalId)}`, { status: 204 });
            await ask(`DELETE ${base}?globalId=${encodeURIComponent(globalId)}`, { status: 404 });
        },
    ],
    [
        'webhooks are registered, listed, refreshed and deleted as described',
        ['POST /webhook', 'GET /webhook', 'PUT /webhook/refresh', 'DELETE /webhook'],
        async (ask) => {
            const url = 'http://127.0.0.1:9/contract';
            const made = await ask(`POST ${API}/webhook`, {
                body: {
                    url,
                    webhooks: [
                        { events: ['jira:issue_created', 'jira:issue_updated'], jqlFilter: 'project = P1', fieldIdsFilter: ['summary'] },
                        { events: ['comment_created'], jqlFilter: 'key = = 1' },
                    ],
                },
            });
            const ids = made.webhookRegistrationResult.map((one) => one.createdWebhookId).filter(Boolean);

            if (ids.length === 0)
                fail(`no webhook was registered: ${JSON.stringify(made)}`);
            await ask(`GET ${API}/webhook`);
            await ask(`GET ${API}/webhook?startAt=0&maxResults=1`);
            await ask(`PUT ${API}/webhook/refresh`, { body: { webhookIds: ids } });
            await ask(`DELETE ${API}/webhook`, { status: 202, body: { webhookIds: ids } });
            await ask(`GET ${API}/webhook`);
            await ask(`POST ${API}/webhook`, { status: 400, body: { url: 'not a url', webhooks: [] } });
        },
    ],
    ['webhooks that failed are listed as described', ['GET /webhook/failed'], (ask) => ask(`GET ${API}/webhook/failed`)],
];
