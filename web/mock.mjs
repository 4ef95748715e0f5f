#!/usr/bin/env node
/*
 * mock.mjs: a server that answers as openapi.yaml says, out of memory, so that pages can be made and looked at
 * without the daemon. Three weeks of worklogs of four people, two hidden issues, warnings, a running sync. Not for
 * tests of the daemon; its numbers are made up.
 *
 *   node mock.mjs [--port 8099] [--state empty|running|failed|stale|big|signed-out|forbidden|setup]
 *
 * Serves dist/ with the content security policy that the daemon should send.
 */
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { extname, join, normalize } from 'node:path'

const arg = (name, other) => (process.argv.includes(name) ? process.argv[process.argv.indexOf(name) + 1] : other)
const PORT = Number(arg('--port', 8099))
const STATE = arg('--state', 'running')
const WAIT_MS = Number(arg('--wait', 60))
const ROOT = new URL('.', import.meta.url).pathname
const CSP = "default-src 'self'; style-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
const DAY = 86_400_000
const ZONE = 'Europe/Berlin'
const ME = 'acc-1'

/* ---- The world ---- */
let seed = 7
const random = () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648
const pick = list => list[Math.floor(random() * list.length)]
const people = [['acc-1', 'Mia Krüger'], ['acc-2', 'Jonas Weber'], ['acc-3', 'Aylin Demir'], ['acc-4', 'Piotr <b>Nowak</b>']].map(([account, name]) => ({ account, name }))
const projects = [{ id: '1', key: 'ABC', name: 'Import' }, { id: '2', key: 'OPS', name: 'Operations' }, { id: '3', key: 'WEB', name: 'Shop' }]
const words = ['Import fails on empty rows', 'Review of the price list', 'Move the nightly backup', 'Search forgets its filter', 'Sprint planning', 'Customer workshop', 'Holiday', '<img src=x onerror=alert(1)> escaped title', 'Slow first page of the order overview when many thousand items are open']
const issues = new Map(words.map((summary, i) => [String(10000 + i), { key: `${projects[i % 3].key}-${12 + i * 7}`, summary, type: pick(['Bug', 'Task', 'Story']), status: pick(['Open', 'In progress', 'Done']), project: projects[i % 3] }]))
const comments = ['', 'Looked into the logs', 'Fixed and tested', 'Meeting with the customer\nNotes are on the page', 'Pairing', '<script>alert(1)</script> stays text']
const tags = ['billable', 'travel', 'meeting']
const dayFormat = new Intl.DateTimeFormat('sv-SE', { timeZone: ZONE })
const dayOf = ms => dayFormat.format(ms)
const worklogs = new Map()
let nextId = 50_000
function add(account, issue, started, seconds, comment, tagged) {
    const now = new Date().toISOString()
    const w = { id: String(nextId++), issue, account, started: new Date(started).toISOString(), created: now, updated: now, seconds, comment, tags: tagged }
    worklogs.set(w.id, w)
    return w
}
const now = new Date()
const midnight = Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate())
if (STATE !== 'empty')
    for (const { account } of people)
        for (let back = STATE === 'big' ? 365 : 32; back >= 0; back--) {
            const day = midnight - back * DAY
            const weekday = new Date(day).getUTCDay()
            if (weekday === 0 || weekday === 6 || random() < 0.08) continue
            let at = day + 8 * 3_600_000
            for (let n = 2 + Math.floor(random() * 3); n > 0; n--) {
                const seconds = pick([1800, 3600, 5400, 7200, 9000, 10800])
                if (back > 0 || at + seconds * 1000 < now.getTime()) add(account, pick([...issues.keys()].slice(account === ME ? 0 : 2)), at, seconds, pick(comments), random() < 0.4 ? [pick(tags)] : [])
                at += seconds * 1000
            }
        }
let settings = {
    working_days: [1, 2, 3, 4, 5], holidays: ['2026-12-25', '2027-01-01'], extra_days: ['2026-12-19'], expected_seconds: 28800, week_start: 1, zone: ZONE, rounding_minutes: 15,
    comment_required: false, warn_future: true, page_size: 50, non_working_issues: ['10006'],
    access: { log: { everybody: true, accounts: [], groups: [] }, report: { everybody: true, accounts: [], groups: [] }, others: { everybody: false, accounts: ['acc-2'], groups: ['jira-administrators'] } },
    billing: { by_default: true, tags: [], projects: [] }, name_hidden_projects: false,
    non_working_patterns: [], estimate_mail: { send: 'none', projects: [], time: '08:00' },
}
let saved = [{ id: '1', name: 'Billable this year', query: 'period=this-year&group=account%2Cmonth&tag=billable', shared: true, own: true }]
let tokens = [{ id: '1', name: 'Payroll', account: ME, scopes: ['read'], created: new Date(midnight - 40 * DAY).toISOString(), expires: new Date(midnight + 50 * DAY).toISOString(), last_used: new Date(midnight - DAY).toISOString() }]
const tenants = STATE === 'setup' ? [] : [{ id: 't1', name: 'acme', url: 'https://acme.example', kind: 'cloud' }]
const hook = { set: STATE !== 'setup', last: STATE === 'setup' ? null : new Date(Date.now() - 90_000).toISOString() }
const sync = { state: STATE === 'setup' || STATE === 'empty' ? 'never' : STATE === 'running' ? 'running' : STATE === 'failed' ? 'failed' : 'idle', started: Date.now() }
const done = new Map() /* answers by idempotency key */

/* ---- Answers ---- */
class Refused extends Error {
    constructor(status, detail) {
        super(detail)
        this.status = status
    }
}
const TITLES = { 400: 'The request is not well formed', 401: 'Not signed in', 403: 'Not allowed', 404: 'Not found', 409: 'Conflict', 422: 'Not acceptable', 503: 'Later' }
const find = id => worklogs.get(id) ?? refuse(404, `Worklog ${id} is not in the mirror: it was deleted, or you may not see it. Load the page again.`)
function refuse(status, detail) {
    throw new Refused(status, detail)
}
function selected(q, all) {
    const from = q.get('from') ?? '0000-01-01'
    const to = q.get('to') ?? '9999-12-31'
    const accounts = q.getAll('account')
    const wanted = q.getAll('issue')
    const tagged = q.getAll('tag')
    const jql = /project\s*=\s*(\w+)/i.exec(q.get('jql') ?? '')
    return [...worklogs.values()]
        .filter(w => {
            const day = dayOf(Date.parse(w.started))
            return day >= from && day <= to && (accounts.length ? accounts.includes('*') || accounts.includes(w.account) : all || w.account === ME) && (!wanted.length || wanted.includes(w.issue)) &&
                (!tagged.length || w.tags.some(t => tagged.includes(t))) && (!jql || issues.get(w.issue).project.key === jql[1].toUpperCase())
        })
        .sort((a, b) => (a.started < b.started ? -1 : 1))
}
const quarter = day => `${day.slice(0, 4)}-Q${Math.floor((+day.slice(5, 7) - 1) / 3) + 1}`
function isoWeek(day) {
    const date = new Date(day)
    const thursday = new Date(date.getTime() + (4 - (date.getUTCDay() || 7)) * DAY)
    return `${thursday.getUTCFullYear()}-W${String(Math.ceil(((thursday - Date.UTC(thursday.getUTCFullYear(), 0, 1)) / DAY + 1) / 7)).padStart(2, '0')}`
}
const keysOf = (w, group) => {
    const day = dayOf(Date.parse(w.started))
    return { account: [w.account], issue: [w.issue], project: [issues.get(w.issue).project.key], tag: w.tags.length ? w.tags : [null], day: [day], week: [isoWeek(day)], month: [day.slice(0, 7)], quarter: [quarter(day)], year: [day.slice(0, 4)] }[group] ?? refuse(400, `group has the value "${group}"; it may be account, issue, tag, day, week, month, quarter, year.`)
}
function report(q) {
    const groups = (q.get('group') ?? '').split(',').filter(Boolean)
    const logs = selected(q, true)
    const rows = new Map()
    for (const w of logs) {
        let keys = [[]]
        for (const g of groups) keys = keys.flatMap(k => keysOf(w, g).map(v => [...k, v]))
        for (const k of keys) {
            const id = JSON.stringify(k)
            if (!rows.has(id)) rows.set(id, { ...Object.fromEntries(groups.map((g, i) => [g, k[i]])), seconds: 0, count: 0 })
            rows.get(id).seconds += w.seconds
            rows.get(id).count++
            if (q.get('billable')) Object.assign(rows.get(id), { billable: rows.get(id).seconds, non_billable: 0 })
            if (q.get('remaining')) Object.assign(rows.get(id), { remaining: 3600, expected: rows.get(id).seconds + 3600 })
        }
    }
    const all = groups.length ? [...rows.values()] : []
    return {
        rows: all.slice(0, Number(q.get('limit') ?? 1000)), rows_all: all.length, seconds: logs.reduce((n, w) => n + w.seconds, 0), count: logs.length, hidden: { issues: 2 },
        ...(groups.includes('project') && { projects: Object.fromEntries(projects.map(p => [p.key, p.name])) }),
        ...(q.get('billable') && { billable: logs.reduce((n, w) => n + w.seconds, 0), non_billable: 0 }), ...(q.get('remaining') && { remaining: 3600 * all.length, expected: logs.reduce((n, w) => n + w.seconds, 0) + 3600 * all.length }),
        proof: { at: new Date(Date.now() - 600_000).toISOString(), drift: STATE === 'stale' ? 3 : 0 }, state: { synced: new Date(Date.now() - 60_000).toISOString(), complete: STATE !== 'empty', stale_since: STATE === 'stale' ? new Date(Date.now() - 7_200_000).toISOString() : null },
    }
}
function days(q) {
    const account = q.get('account') ?? ME
    const today = dayOf(Date.now())
    const result = { account, expected: 0, logged: 0, real: 0, days: [] }
    const logs = selected(new URLSearchParams({ from: q.get('from'), to: q.get('to'), account }))
    for (let at = Date.parse(q.get('from')); at <= Date.parse(q.get('to')); at += DAY) {
        const date = new Date(at).toISOString().slice(0, 10)
        const weekday = new Date(at).getUTCDay() || 7
        const works = settings.extra_days.includes(date) || (settings.working_days.includes(weekday) && !settings.holidays.includes(date))
        const of = logs.filter(w => dayOf(Date.parse(w.started)) === date)
        const logged = of.reduce((n, w) => n + w.seconds, 0)
        const real = of.filter(w => !settings.non_working_issues.includes(w.issue)).reduce((n, w) => n + w.seconds, 0)
        const expected = works ? settings.expected_seconds : 0
        result.days.push({ date, expected, logged, real, missing: expected > 0 && real < expected && date <= today })
        result.expected += expected
        result.logged += logged
        result.real += real
    }
    return result
}
function syncState() {
    const elapsed = (Date.now() - sync.started) / 1000
    const total = 12_400
    if (sync.state === 'running' && elapsed > 90) sync.state = 'idle'
    const running = sync.state === 'running'
    const share = running ? Math.min(0.99, 0.42 + elapsed / 160) : null
    return {
        state: sync.state, mode: running ? (sync.mode ?? 'incremental') : null, phase: running ? 'fetching' : null, stored: running ? Math.floor(share * total) : 0, seen: running ? total : 0, done: share,
        left_seconds: running ? Math.max(1, Math.round(90 - elapsed)) : null, rate: running ? 138 : null, limit: running ? 'jira' : null, count: sync.state === 'never' ? 0 : 1_204_331, complete: sync.state !== 'never', synced: sync.state === 'never' ? null : new Date(Date.now() - 240_000).toISOString(),
        proof: { at: sync.state === 'never' ? null : new Date(Date.now() - 3_600_000).toISOString(), drift: sync.state === 'never' ? null : 0 }, stale_since: STATE === 'stale' ? new Date(Date.now() - 7_200_000).toISOString() : null,
        failure: sync.state === 'failed' ? { detail: 'Jira refused the token of the tenant acme (401). Make a new one in Atlassian and enter it with: tenon tenant token acme.', at: new Date(Date.now() - 900_000).toISOString(), retry_at: new Date(Date.now() + 900_000).toISOString() } : null,
        warnings: sync.state === 'never' ? 0 : 3, budget: { requests: 18_234, points: 41_020, points_limit: 65_000, points_left: 23_980, reset: new Date(Math.ceil(Date.now() / 3_600_000) * 3_600_000).toISOString(), throttled: 2 }, queue: { waiting: 4, parked: 1 }, webhook: { last: hook.last },
    }
}
function change(id, action, body, date) {
    const w = find(id)
    if (w.issue === '10004' && action !== 'copy') refuse(403, 'Jira does not let you change worklogs of OPS-40: it needs the permission "Edit own worklogs".')
    if (action === 'delete') return worklogs.delete(id) && null
    if (action === 'put') return Object.assign(w, Object.fromEntries(['started', 'seconds', 'comment', 'tags'].filter(k => k in body).map(k => [k, k === 'started' ? new Date(body[k]).toISOString() : body[k]])), { updated: new Date().toISOString() })
    const started = Date.parse(w.started) + (Date.parse(date) - Date.parse(dayOf(Date.parse(w.started))))
    if (action === 'copy') return add(w.account, w.issue, started, w.seconds, w.comment, w.tags)
    return Object.assign(w, { started: new Date(started).toISOString(), updated: new Date().toISOString() })
}
const me = () => ({
    account: STATE === 'setup' ? null : ME, name: STATE === 'setup' ? null : people[0].name, by: 'session', role: 'admin', tenant: tenants[0] ?? null, tenants, may: { log: STATE !== 'forbidden', report: STATE !== 'forbidden', others: STATE !== 'forbidden', admin: STATE !== 'forbidden' },
    consent: null, csrf: 'csrf-of-the-mock', zone: ZONE, now: new Date().toISOString(), version: '0.1.0',
})
const warnings = [
    { code: 'invisible', worklog: null, issue: '10003', text: 'The worklogs of this issue cannot be read: its security level hides it from the account of the token. Give that account access, then retry.' },
    { code: 'no-author', worklog: '50012', issue: '10002', text: 'The author is unknown to Jira. The time is counted for nobody.' },
    { code: 'too-large', worklog: '50044', issue: '99999', text: 'The comment is longer than 32,767 characters and was not copied.' },
]
const record = (name, why, rows, fields) => ({ name, app: 'timesheet', why, retention: 'until the worklog is deleted in Jira, or the tenant leaves', shown_to: 'whoever may browse the issue', rows, bytes: rows * 190 + 8192, oldest: new Date(midnight - 700 * DAY).toISOString(), fields: fields.map(([n, c, p, what]) => ({ name: n, class: c, protection: p, what })) })

const backupOf = (of, at, proof) => ({ owner: of, name: of === 'control' ? null : 'acme', taken: at.toISOString(), file: `${at.toISOString().replace(/[-:]/g, '')}.tenon`, bytes: of === 'control' ? 41_222 : 73_411_904, rows: of === 'control' ? 212 : 1_204_990, on_disk: true, copied: proof === 'good' ? new Date(at.getTime() + 60_000).toISOString() : null, proof, drilled: proof === 'unproven' ? null : new Date(at.getTime() + 3_600_000).toISOString() })
const backups = STATE === 'empty' ? [] : [0, 1, 2, 3, 4, 5].flatMap(n => ['t1', 'control'].map(of => backupOf(of, new Date(midnight - n * DAY - 3_600_000), ['unproven', 'good', 'bad'][Math.min(n, of === 't1' ? 2 : 1)])))
const erased = new Set()
const held = account => ({ schema: 'tenon.person/1', account_id: account, tenants: [{ tenant: 'acme', site: 'https://jira.example.com', held: people.some(p => p.account === account) && !erased.has(account), erased: erased.has(account), records: [['person', 'Whose rows are whose.', 'id', 1], ['worklog', 'A copy of each worklog, for reports.', 'person', 804], ['worklog_tag', 'Which tags a worklog has.', 'worklog', 7]].map(([record, why, by, count]) => ({ record, app: 'timesheet', why, by, count, rows: [] })) }] })
const acts = [['sign_in', 'nobody', null, null, 'denied'], ['sign_in', 'admin', null, null, 'ok'], ['open_secret', 'job', 'site', 'call Jira', 'ok'], ['backup_taken', 'job', 'backup', null, 'ok'], ['restore_drilled', 'job', 'backup', null, 'ok'], ['person_erased', 'person', 'person', 'done', 'ok'], ['person_erased', 'person', 'person', 'begun', 'ok'], ['key_rotated', 'operator', null, null, 'ok'], ['settings_changed', 'person', 'settings', null, 'ok']]
    .flatMap((_, at, all) => Array.from({ length: 6 }, (x, n) => all[(at + n) % all.length]))
    .map(([act, by, record, why, result], n, all) => ({ id: String(all.length - n), at: new Date(Date.now() - n * 3_100_000).toISOString(), act, tenant: 't1', by, who: by === 'person' ? '12' : by === 'operator' ? '1000' : null, name: { job: 'backup', person: 'session' }[by] ?? null, record, field: act === 'open_secret' ? 'token' : null, row: record ? '7' : null, key: null, why, count: act === 'person_erased' ? 812 : 0, result }))
const routes = [
    ['GET', /^\/me$/, () => me()],
    ['GET', /^\/session$/, () => ({ ways: ['password', 'jira'], link: false })],
    ['POST', /^\/session$/, (m, q, b) => (b.password === 'wrong' ? refuse(401, 'The password is not right. After ten tries it is refused for a minute.') : [204])],
    ['DELETE', /^\/session$/, () => [204]],
    ['GET', /^\/worklogs$/, (m, q) => {
        const all = selected(q)
        const at = Number(q.get('cursor') || 0)
        const limit = Number(q.get('limit') ?? settings.page_size)
        return { worklogs: all.slice(at, at + limit), next: at + limit < all.length ? String(at + limit) : null, hidden: { issues: STATE === 'stale' ? 2 : 0 } }
    }],
    ['POST', /^\/worklogs$/, (m, q, b) => {
        if (b.issue === '10004') refuse(403, 'Jira does not let you log work on OPS-40: it needs the permission "Work on issues".')
        if (settings.comment_required && !b.comment) refuse(422, 'comment is empty, and the settings of this site require a description. Write one.')
        return [201, add(ME, b.issue, b.started, b.seconds, b.comment ?? '', b.tags ?? [])]
    }],
    ['POST', /^\/worklogs\/actions$/, (m, q, b) => {
        const result = { done: [], failed: [] }
        for (const id of b.ids ?? selected(new URLSearchParams({ from: b.day, to: b.day })).map(w => w.id))
            try {
                result.done.push({ id, to: change(id, b.action, {}, b.date) })
            } catch (error) {
                result.failed.push({ id, status: error.status ?? 500, detail: error.message })
            }
        return result
    }],
    ['GET', /^\/worklogs\/(\d+)$/, m => find(m[1])],
    ['PUT', /^\/worklogs\/(\d+)$/, (m, q, b) => change(m[1], 'put', b)],
    ['PUT', /^\/worklogs\/(\d+)\/tags$/, (m, q, b) => Object.assign(find(m[1]), { tags: b.tags })],
    ['DELETE', /^\/worklogs\/(\d+)$/, m => (change(m[1], 'delete'), [204])],
    ['GET', /^\/tags$/, () => ({ tags: tags.map(name => ({ name, count: [...worklogs.values()].filter(w => w.tags.includes(name)).length })) })],
    ['GET', /^\/report$/, (m, q) => report(q)],
    ['GET', /^\/(report|worklogs)\.(csv|xlsx)$/, () => [200, 'account;seconds\r\n', 'text/csv; charset=utf-8']],
    ['POST', /^\/labels$/, (m, q, b) => ({
        accounts: Object.fromEntries((b.accounts ?? []).flatMap(id => people.filter(p => p.account === id).map(p => [id, { name: p.name, avatar: null }]))),
        issues: Object.fromEntries((b.issues ?? []).filter(id => issues.has(id)).map(id => [id, issues.get(id)])),
    })],
    ['GET', /^\/issues$/, (m, q) => ({ issues: [...issues].filter(([, i]) => `${i.key} ${i.summary}`.toLowerCase().includes((q.get('query') ?? '').toLowerCase())).map(([id, i]) => ({ id, key: i.key, summary: i.summary })) })],
    ['GET', /^\/filters$/, () => ({ filters: [{ id: '1', name: 'My open issues' }, { id: '2', name: 'Shop, this sprint' }] })],
    ['POST', /^\/jql\/check$/, (m, q, b) => (/=|~| in /.test(b.jql) ? { ok: true, detail: null } : { ok: false, detail: `Jira: expecting an operator after '${b.jql.split(' ')[0]}'.` })],
    ['GET', /^\/people$/, (m, q) => ({ people: people.filter(p => p.name.toLowerCase().includes((q.get('query') ?? '').toLowerCase())) })],
    ['GET', /^\/reports$/, () => ({ reports: saved })],
    ['POST', /^\/reports$/, (m, q, b) => (saved.push({ id: String(Date.now()), own: true, ...b }), [201, saved.at(-1)])],
    ['PUT', /^\/reports\/(\w+)$/, (m, q, b) => Object.assign(saved.find(r => r.id === m[1]) ?? refuse(404, `There is no saved report ${m[1]}.`), b)],
    ['DELETE', /^\/reports\/(\w+)$/, m => ((saved = saved.filter(r => r.id !== m[1])), [204])],
    ['GET', /^\/settings$/, () => settings],
    ['PUT', /^\/settings$/, (m, q, b) => (settings = b)],
    ['GET', /^\/(missing-days|day-totals)$/, (m, q) => days(q)],
    ['GET', /^\/sync$/, () => syncState()],
    ['POST', /^\/sync$/, (m, q, b) => (Object.assign(sync, { state: 'running', mode: b.mode, started: Date.now() }), [202, syncState()])],
    ['DELETE', /^\/sync$/, () => ((sync.state = 'idle'), [202, syncState()])],
    ['GET', /^\/sync\/warnings$/, () => ({ warnings, next: null })],
    ['GET', /^\/sync\/runs$/, () => ({ runs: ['completed', 'completed with warnings', 'failed', 'stopped'].map((state, i) => ({ id: String(9 - i), mode: ['incremental', 'verify', 'full', 'full'][i], state, started: new Date(Date.now() - (i + 1) * 5_400_000).toISOString(), ended: new Date(Date.now() - (i + 1) * 5_400_000 + 75_000 * (i + 1)).toISOString(), stored: [12, 0, 1_204_331, 120][i], deleted: [1, 0, 0, 0][i], requests: [4, 840, 12_100, 92][i], warnings: i === 1 ? 3 : 0 })) })],
    ['GET', /^\/tenants$/, () => ({ tenants })],
    ['POST', /^\/tenants$/, (m, q, b) => (tenants.push({ id: 't1', name: b.name ?? 'acme', url: b.url, kind: b.datacenter ? 'datacenter' : 'cloud' }), [201, { ...tenants[0], missing: ['Browse users and groups: names of people cannot be shown without it.'] }])],
    ['GET', /^\/tenants\/([\w-]+)\/webhook$/, () => ({ url: 'https://tenon.example/webhooks/jira/t1', events: ['worklog_created', 'worklog_updated', 'worklog_deleted'], set: hook.set, last: hook.last })],
    ['POST', /^\/tenants\/([\w-]+)\/webhook$/, () => (Object.assign(hook, { set: true, last: null }), setTimeout(() => (hook.last = new Date().toISOString()), 8000).unref(), { url: 'https://tenon.example/webhooks/jira/t1', secret: randomBytes(18).toString('base64url'), events: ['worklog_created', 'worklog_updated', 'worklog_deleted'], steps: ['In Jira open Settings, System, WebHooks and choose Create a WebHook.', 'Enter the URL and the secret below.', 'Tick the three worklog events and leave the JQL empty.', 'Press Create.'] })],
    ['GET', /^\/tokens$/, () => ({ tokens })],
    ['POST', /^\/tokens$/, (m, q, b) => {
        const token = { id: String(Date.now()), name: b.name, account: ME, scopes: b.scopes, created: new Date().toISOString(), expires: new Date(Date.now() + b.expires_days * DAY).toISOString(), last_used: null }
        tokens.push(token)
        return [201, { ...token, token: 'tenon_' + randomBytes(24).toString('base64url') }]
    }],
    ['DELETE', /^\/tokens\/(\w+)$/, m => ((tokens = tokens.filter(t => t.id !== m[1])), [204])],
    ['GET', /^\/backups$/, (m, q) => {
        const found = backups.filter(b => !q.get('tenant') || b.owner === q.get('tenant'))
        const limit = Number(q.get('limit') ?? 100)
        return { backups: found.slice(0, limit), next: found.length > limit ? `${found[limit - 1].owner}:1` : null }
    }],
    ['POST', /^\/backups$/, (m, q, b) => (setTimeout(() => backups.unshift(backupOf(b.of, new Date(), 'unproven')), 2500).unref(), [202, { queued: 1 }])],
    ['GET', /^\/keys$/, () => ({ keys: [
        { owner: 't1', name: 'acme', provider: 'file', seals: 3, database: 2, rotating: true, versions: [[1, 90, 0], [2, 30, 400_120], [3, 0, 804_211]].map(([version, days, values]) => ({ version, created: new Date(midnight - days * DAY).toISOString(), values })) },
        { owner: 'control', name: null, provider: 'file', seals: 1, database: 1, rotating: false, versions: [{ version: 1, created: new Date(midnight - 90 * DAY).toISOString(), values: null }] },
    ] })],
    ['GET', /^\/people\/([^/]+)(\/export)?$/, m => held(decodeURIComponent(m[1]))],
    ['DELETE', /^\/people\/([^/]+)$/, m => (held(decodeURIComponent(m[1])).tenants[0].held ? (erased.add(decodeURIComponent(m[1])), { erased: true, rows: 812 }) : refuse(404, 'nothing is held on this account in acme'))],
    ['GET', /^\/configuration$/, () => ({ catalog: 4, format: 'tenon.export/1', from: 'https://jira.example.com', records: {} })],
    ['POST', /^\/configuration$/, (m, q, b) => (b.format === 'tenon.export/1' ? { rows: 12, left_out: 2 } : refuse(422, 'format must be tenon.export/1: this is no file of `tenon export`'))],
    ['GET', /^\/audit$/, (m, q) => {
        const asked = acts.filter(a => ['act', 'by', 'who'].every(name => !q.get(name) || a[name] === q.get(name)) && (!q.get('from') || a.at >= q.get('from')) && (!q.get('to') || a.at < q.get('to')) && (!q.get('cursor') || Number(a.id) < Number(q.get('cursor'))))
        const found = asked.filter(a => !q.getAll('leave_out').includes(a.act))
        const shown = found.slice(0, Number(q.get('limit') ?? 100))
        const last = found.length > shown.length ? Number(shown.at(-1).id) : 0
        return { acts: shown, left_out: asked.filter(a => !found.includes(a) && Number(a.id) > last).length, next: found.length > shown.length ? shown.at(-1).id : null }
    }],
    ['GET', /^\/data$/, () => ({ catalog_version: 4, bytes: { tenant: 261_033_984, backups: 440_471_424, server: 5_128_192, server_backups: 247_332 }, records: [
        record('worklog', 'A copy of each worklog, so that reports need no million requests to Jira.', 1_204_331, [['client_worklog_id', 'technical', 'none', 'The id that Jira gave it'], ['account_id', 'identifier', 'pseudonym of Jira', 'Who logged it'], ['comment', 'user content', 'sealed with the tenant’s key', 'What was written'], ['started', 'technical', 'none', 'When the work began'], ['time_spent_seconds', 'technical', 'none', 'How long it took']]),
        record('tag', 'Tags put on worklogs here.', 3, [['name', 'user content', 'sealed with the tenant’s key; found by a keyed hash', 'The tag']]),
        { ...record('backup_file', 'To get the data back after a mistake or a loss.', null, [['rows', 'user content', 'encrypted with the tenant’s backup key', 'Every row of every record']]), bytes: 440_718_756, oldest: null },
        record('saved_report', 'Reports that people saved.', 1, [['query', 'may contain personal data', 'sealed with the tenant’s key', 'The question, not the answer']]),
    ] })],
]

/* ---- The server ---- */
const TYPES = { '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8', '.html': 'text/html; charset=utf-8', '.svg': 'image/svg+xml', '.txt': 'text/plain; charset=utf-8' }
const PAGES = /^\/(time|reports|sync|settings|data|setup|sign-in)?$/

createServer(async (request, response) => {
    const url = new URL(request.url, 'http://localhost')
    const send = (status, body, type = 'application/json') => {
        response.writeHead(status, { 'Content-Type': type, 'Content-Security-Policy': CSP, 'X-Content-Type-Options': 'nosniff', ...(url.pathname.startsWith('/api') && { 'Cache-Control': 'no-store' }) })
        response.end(typeof body === 'string' || Buffer.isBuffer(body) ? body : body === undefined ? undefined : JSON.stringify(body))
    }
    const problem = (status, detail) => send(status, { type: 'about:blank', title: TITLES[status] ?? 'Error', status, detail }, 'application/problem+json')
    if (!url.pathname.startsWith('/api/v1/')) {
        if (url.pathname === '/openapi.yaml') return send(200, readFileSync(join(ROOT, 'openapi.yaml')), 'application/yaml; charset=utf-8')
        const file = join(ROOT, 'dist', PAGES.test(url.pathname) ? 'index.html' : normalize(url.pathname))
        if (!file.startsWith(join(ROOT, 'dist')) || !existsSync(file)) return send(404, 'not found', 'text/plain')
        return send(200, readFileSync(file), TYPES[extname(file)] ?? 'application/octet-stream')
    }
    let text = ''
    for await (const chunk of request) text += chunk
    await new Promise(r => setTimeout(r, WAIT_MS))
    const path = url.pathname.slice('/api/v1'.length)
    const key = request.headers['idempotency-key']
    const known = key && createHash('sha256').update(request.method + path + key).digest('hex')
    try {
        if (STATE === 'signed-out' && path !== '/session') return problem(401, 'You are not signed in, or the session ended. Sign in again.')
        if (known && done.has(known)) return send(...done.get(known))
        for (const [method, pattern, answer] of routes) {
            const match = pattern.exec(path)
            if (!match || method !== request.method) continue
            if (method !== 'GET' && path !== '/session' && !request.headers.authorization && request.headers['x-tenon-csrf'] !== 'csrf-of-the-mock') return problem(403, 'X-Tenon-CSRF is missing or not the value of this session. Load the page again.')
            const result = answer(match, url.searchParams, text ? JSON.parse(text) : {})
            const all = Array.isArray(result) ? result : [200, result]
            if (known && all[0] < 400) done.set(known, all)
            return send(...all)
        }
        problem(404, `There is nothing at ${url.pathname}.`)
    } catch (error) {
        problem(error.status ?? 500, error.message)
    }
}).listen(PORT, '127.0.0.1', () => console.log(`mock (${STATE}) at http://127.0.0.1:${PORT}/`))
