/* What the cards of Data say, from what the server answers; nothing here draws. */
import { addDays, isDay, isoMoment, momentAt } from '../../lib/dates'
import type { Act, Backup, DataBytes, KeyOwner } from '../../types'

export const CONTROL = 'control'

/* Of this site and of the server's own data; newest first. */
export const backupsOf = (all: Backup[], tenant: string): Backup[] =>
    all.filter(b => b.owner === tenant || b.owner === CONTROL).sort((a, b) => (a.taken < b.taken ? 1 : -1))

/* Is there one of each owner that was not there before? `before` are names of owner and file. */
export const nameOf = (b: Backup) => `${b.owner}/${b.file}`
export const allTaken = (now: Backup[], before: ReadonlySet<string>, owners: string[]): boolean =>
    owners.every(owner => now.some(b => b.owner === owner && !before.has(nameOf(b))))

export type Use = 'now' | 'database' | 'rotating' | 'old' | 'unused'
/* What a version of a key is for; `unused` ones may be retired. */
export function usesOf(owner: KeyOwner, version: KeyOwner['versions'][number]): Use[] {
    const uses: Use[] = []
    if (version.version === owner.seals) uses.push('now')
    if (version.version === owner.database) uses.push('database')
    if (uses.length) return uses
    if (owner.rotating) return ['rotating']
    return [version.values === 0 ? 'unused' : 'old']
}

/* How much of a rotation is done: what the new version seals, of all. null: none is under way, or nothing is sealed. */
export function rotationOf(owner: KeyOwner): number | null {
    if (!owner.rotating) return null
    const all = owner.versions.reduce((n, v) => n + (v.values ?? 0), 0)
    const fresh = owner.versions.find(v => v.version === owner.seals)?.values ?? 0
    return all > 0 ? fresh / all : null
}

/* The latest act that came to its end; `acts` are newest first. An erasure says twice that it is there: begun, done. */
export const latest = (acts: Act[]): Act | null => acts.filter(a => a.why !== 'begun').reduce<Act | null>((best, a) => (!best || a.at > best.at ? a : best), null)

/* What the list of acts is asked for. `from` and `to` are days, both included, '' for none; `site`: its id, WHOLE_SERVER, or '' for what the person may see. */
export type ActsFilter = { act: string; by: string; who: string; from: string; to: string; site: string; openings: boolean }
export const WHOLE_SERVER = '*'
export const ALL_ACTS: ActsFilter = { act: '', by: '', who: '', from: '', to: '', site: '', openings: false }
/* Openings of secrets are most of all lines: unless they are wanted, they are left out and counted. */
export const OPENING = 'open_secret'
export const hidesOpenings = (filter: ActsFilter): boolean => !filter.act && !filter.openings
export const actsQuery = (filter: ActsFilter, zone: string) => ({
    act: filter.act,
    leave_out: hidesOpenings(filter) ? OPENING : '',
    by: filter.by,
    who: /^[1-9]\d{0,17}$/.test(filter.who.trim()) ? filter.who.trim() : '',
    from: isDay(filter.from) ? isoMoment(momentAt(filter.from, 0, zone)) : '',
    to: isDay(filter.to) ? isoMoment(momentAt(addDays(filter.to, 1), 0, zone)) : '',
    tenant: filter.site,
})

/* The folders whose sizes are told, in the order of the page. */
export const foldersOf = (bytes: DataBytes): [keyof DataBytes, number][] =>
    (['tenant', 'backups', 'server', 'server_backups'] as const).flatMap(name => (bytes[name] === null ? [] : [[name, bytes[name]] as [keyof DataBytes, number]]))

/* What an act was done to: names of the catalogue and numbers. */
export function objectOf(act: Act): string {
    const name = [act.record, act.field].filter(Boolean).join('.')
    return [name, act.row && act.record !== 'backup' ? `#${act.row}` : ''].filter(Boolean).join(' ')
}

export const personUrl = (account: string) => `/people/${encodeURIComponent(account)}`
/* A word of the program as a person would write it, for those that have no text of their own. */
export const plainWord = (word: string) => word.charAt(0).toUpperCase() + word.slice(1).replaceAll('_', ' ')
