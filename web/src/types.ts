/* The shapes of the HTTP API; openapi.yaml says them to others. */
export type Tenant = { id: string; name: string; url: string; kind: 'cloud' | 'datacenter' }
export type Me = {
    account: string | null; name: string | null; by: 'connect' | 'forge' | 'session' | 'token'; role: 'person' | 'admin'
    tenant: Tenant | null; tenants: Tenant[]; may: { log: boolean; report: boolean; others: boolean; admin: boolean }
    consent: { ends: string | null; sign_in_again: boolean } | null; csrf: string | null; zone: string; now: string; version: string
}
export type Worklog = {
    id: string; issue: string; account: string; started: string; created: string; updated: string
    seconds: number; comment: string; tags: string[]
}
export type Estimate = { mode: 'auto' } | { mode: 'leave' } | { mode: 'new'; to: string } | { mode: 'manual'; by: string }
/* Who may see a worklog in Jira: members of a role (by its name) or of a group (by its id; its name on Data Center). */
export type Visibility = { type: 'role' | 'group'; identifier: string }
export type WorklogDraft = { issue: string; started: string; seconds: number; comment?: string; tags?: string[]; estimate?: Estimate; visibility?: Visibility }
export type ActionResult = { done: { id: string; to: Worklog | null }[]; failed: { id: string; status: number; detail: string }[] }
export type Hidden = { issues: number; projects?: string[] }
/* What stands beside seconds when it was asked for; null: Jira does not say. */
type Beside = { billable?: number; non_billable?: number; remaining?: number | null; expected?: number | null }
export type ReportRow = { seconds: number; count: number } & Beside & Record<string, string | number | null | undefined>
export type Proof = { at: string | null; drift: number | null }
export type Report = {
    rows: ReportRow[]; rows_all: number; seconds: number; count: number; hidden: Hidden; proof: Proof
    projects?: Record<string, string> /* names by key, when grouped by project */
    state: { synced: string | null; complete: boolean; stale_since: string | null }
} & Beside
export type IssueLabel = { key: string; summary: string; type: string; status: string; project: { id: string; key: string; name: string } }
export type PersonLabel = { name: string; avatar: string | null }
export type Access = { everybody: boolean; accounts: string[]; groups: string[] }
export type Settings = {
    working_days: number[]; holidays: string[]; extra_days: string[]; expected_seconds: number; week_start: number; zone: string
    rounding_minutes: number; comment_required: boolean; warn_future: boolean; page_size: number; non_working_issues: string[]
    access: { log: Access; report: Access; others: Access }
    billing: { by_default: boolean; tags: string[]; projects: string[] }; name_hidden_projects: boolean
    non_working_patterns: string[]; estimate_mail: { send: 'none' | 'all' | 'selected'; projects: string[]; time: string }
}
export type DayTotal = { date: string; expected: number; logged: number; real: number; missing: boolean }
export type DayTotals = { account: string; expected: number; logged: number; real: number; days: DayTotal[] }
export type SyncMode = 'full' | 'incremental' | 'verify'
export type Sync = {
    state: 'never' | 'idle' | 'waiting' | 'running' | 'failed'; mode: SyncMode | null; phase: string | null
    stored: number; seen: number; done: number | null; left_seconds: number | null; rate: number | null; limit: 'jira' | 'network' | 'disk' | null
    count: number; complete: boolean; synced: string | null; proof: Proof; stale_since: string | null
    failure: { detail: string; at: string; retry_at: string | null } | null; warnings: number
    budget: { requests: number; points: number; points_limit: number | null; points_left: number | null; reset: string | null; throttled: number }
    queue: { waiting: number; parked: number }; webhook: { last: string | null }
}
export type SyncWarning = { code: string; worklog: string | null; issue: string | null; text: string }
export type SyncRun = {
    id: string; mode: SyncMode; state: 'running' | 'completed' | 'completed with warnings' | 'failed' | 'stopped'
    started: string; ended: string | null; stored: number; deleted: number; requests: number; warnings: number
}
export type SavedReport = { id: string; name: string; query: string; shared: boolean; own: boolean }
export type DataField = { name: string; class: string; protection: string; what: string }
export type DataRecord = {
    name: string; app: string; why: string; retention: string; shown_to: string; rows: number | null; bytes: number | null; oldest: string | null; fields: DataField[]
}
/* Sizes of folders; null: not for whoever asks. A record's `bytes` is an estimate where it has rows, else the size of its files. */
export type DataBytes = { tenant: number | null; backups: number | null; server: number | null; server_backups: number | null }
export type DataPage = { catalog_version: number; bytes: DataBytes; records: DataRecord[] }
/* `owner`: a tenant's id, or control; `name` is null of control data and of a tenant that is gone. */
export type Backup = {
    owner: string; name: string | null; taken: string; file: string; bytes: number; rows: number | null; on_disk: boolean
    copied: string | null; proof: 'unproven' | 'good' | 'bad'; drilled: string | null
}
export type BackupsPage = { backups: Backup[]; next: string | null }
/* `seals`: the version that seals what is written now; `values` are counted only where there are several versions. */
export type KeyOwner = {
    owner: string; name: string | null; provider: string; seals: number; database: number; rotating: boolean
    versions: { version: number; created: string | null; values: number | null }[]
}
export type Act = {
    id: string; at: string; act: string; tenant: string | null; by: 'program' | 'nobody' | 'person' | 'admin' | 'token' | 'job' | 'operator' | 'remote'; who: string | null; name: string | null
    record: string | null; field: string | null; row: string | null; key: string | null; why: string | null; count: number; result: string
}
/* `left_out`: how many acts are not among these because the question left their kind out. */
export type ActsPage = { acts: Act[]; left_out: number; next: string | null }
/* What is held on an account; rows are left out when none were asked for. */
export type PersonHeld = {
    schema: string; account_id: string
    tenants: { tenant: string; site: string; held: boolean; erased: boolean; records: { record: string; app: string; why: string; by: string; count: number; rows: unknown[] }[] }[]
}
export type Webhook = { url: string; secret?: string; events: string[]; steps?: string[]; set?: boolean; last?: string | null }
export type ApiToken = {
    id: string; name: string; account: string; scopes: string[]; created: string; expires: string | null; last_used: string | null; token?: string
}
