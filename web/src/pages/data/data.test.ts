import { describe, expect, it } from 'vitest'
import { bytes } from '../../lib/format'
import type { Act, Backup, KeyOwner } from '../../types'
import { actsQuery, ALL_ACTS, allTaken, backupsOf, foldersOf, CONTROL, latest, nameOf, objectOf, personUrl, plainWord, rotationOf, usesOf } from './model'

const backup = (owner: string, taken: string): Backup => ({ owner, name: null, taken, file: `${taken}.tenon`, bytes: 1, rows: 1, on_disk: true, copied: null, proof: 'unproven', drilled: null })
const act = (more: Partial<Act>): Act => ({ id: '1', at: '2026-01-01T00:00:00.000Z', act: 'x', tenant: null, by: 'program', who: null, name: null, record: null, field: null, row: null, key: null, why: null, count: 0, result: 'ok', ...more })
const keys = (seals: number, database: number, rotating: boolean, ...values: (number | null)[]): KeyOwner => ({ owner: 't', name: 'acme', provider: 'file', seals, database, rotating, versions: values.map((v, i) => ({ version: i + 1, created: null, values: v })) })
const uses = (owner: KeyOwner) => owner.versions.map(v => usesOf(owner, v))

describe('backups', () => {
    const list = [backup('other', '4'), backup('t', '1'), backup(CONTROL, '2'), backup('t', '3')]
    it('shows those of this site and of the server, newest first', () => {
        expect(backupsOf(list, 't').map(nameOf)).toEqual(['t/3.tenon', 'control/2.tenon', 't/1.tenon'])
    })
    it('waits until each owner has one that was not there before', () => {
        const before = new Set(['t/1.tenon', 'control/2.tenon'])
        expect(allTaken(list, before, ['t'])).toBe(true)
        expect(allTaken(list, before, ['t', CONTROL])).toBe(false)
        expect(allTaken([...list, backup(CONTROL, '5')], before, ['t', CONTROL])).toBe(true)
    })
    it('writes sizes as a person would', () => {
        const digits = (n: number) => bytes(n).replace(/[^\d.,]/g, '').replace(',', '.')
        expect([999, 1000, 1_234_567, 5_000_000_000].map(digits)).toEqual(['999', '1', '1.23', '5'])
        expect(new Set([1, 1e3, 1e6, 1e9, 1e12].map(bytes)).size).toBe(5)
        expect(digits(2e18)).toMatch(/^2.000.000$/)
    })
})

describe('keys', () => {
    it('says what each version is for', () => {
        expect(uses(keys(1, 1, false, null))).toEqual([['now', 'database']])
        expect(uses(keys(2, 2, false, 0, 10))).toEqual([['unused'], ['now', 'database']])
        expect(uses(keys(2, 2, false, 3, 10))).toEqual([['old'], ['now', 'database']])
    })
    it('calls nothing unused while a rotation is under way', () => {
        expect(uses(keys(3, 2, true, 0, 5, 5))).toEqual([['rotating'], ['database'], ['now']])
    })
    it('counts how far a rotation is', () => {
        expect(rotationOf(keys(2, 1, true, 25, 75))).toBe(0.75)
        expect(rotationOf(keys(2, 1, true, 0, 0))).toBeNull()
        expect(rotationOf(keys(1, 1, false, null))).toBeNull()
    })
})

describe('audit', () => {
    it('leaves openings of secrets out, unless they or one kind of act are asked for', () => {
        expect(actsQuery(ALL_ACTS, 'UTC').leave_out).toBe('open_secret')
        expect(actsQuery({ ...ALL_ACTS, openings: true }, 'UTC').leave_out).toBe('')
        expect(actsQuery({ ...ALL_ACTS, act: 'open_secret' }, 'UTC')).toMatchObject({ act: 'open_secret', leave_out: '' })
    })
    it('asks for whole days of the person’s zone, and for a number only when it is one', () => {
        const asked = actsQuery({ ...ALL_ACTS, from: '2026-03-29', to: '2026-03-29', who: ' 12 ' }, 'Europe/Berlin')
        expect(asked).toMatchObject({ from: '2026-03-28T23:00:00.000Z', to: '2026-03-29T22:00:00.000Z', who: '12' })
        expect(actsQuery({ ...ALL_ACTS, from: '2026-3', who: '1x' }, 'UTC')).toMatchObject({ from: '', to: '', who: '' })
    })
    it('takes the end of an erasure, not its beginning', () => {
        const end = act({ id: '2', why: 'done', at: '2026-01-01T00:00:01.000Z' })
        expect(latest([act({ id: '3', why: 'begun', at: '2026-02-01T00:00:00.000Z' }), end, act({ id: '1', why: 'begun' })])).toBe(end)
        expect(latest([act({ why: 'begun' })])).toBeNull()
        expect(latest([])).toBeNull()
    })
    it('names what an act was done to', () => {
        expect(objectOf(act({ record: 'site', field: 'token', row: '7' }))).toBe('site.token #7')
        expect(objectOf(act({ record: 'backup', row: '1767261600000' }))).toBe('backup')
        expect(objectOf(act({}))).toBe('')
        expect(plainWord('some_new_act')).toBe('Some new act')
    })
})

it('tells the sizes of those folders that may be known', () => {
    expect(foldersOf({ tenant: 5, backups: 0, server: null, server_backups: null })).toEqual([['tenant', 5], ['backups', 0]])
    expect(foldersOf({ tenant: null, backups: null, server: null, server_backups: null })).toEqual([])
})

it('puts an account into the address whole', () => {
    expect(personUrl('712020:a/b?c')).toBe('/people/712020%3Aa%2Fb%3Fc')
})
