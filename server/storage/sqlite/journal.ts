/**
 * Groups of many small rows, each written as it comes in one run of pages. In the log the rows of a group belong to as
 * many pages as there are spaces, and every page is written twice; so they wait here until each space has several,
 * and are then folded into the log. Whoever reads a space needs both: the writer has in memory what waits.
 */
import { crc32 } from 'node:zlib'
import type { PassFailpoint } from '../failpoints.js'
import { type LogRow, rowChecksum } from '../log-row.js'
import { decodeRowBatch, encodeRowBatch } from '../row-batch.js'
import { type Connection, isCorruption } from './connection.js'
import type { LogTable } from './log-table.js'

/** With so many spaces, and rows that do not fill a page, a group is cheaper here. */
const MIN_ROWS = 4
const MAX_MEAN_ROW_BYTES = 512
/** More is not kept: the next start reads it, and this thread holds it in memory. */
const MAX_BYTES = 2 ** 20
/** About so many rows are folded in one transaction: appends pass in between. */
const ROWS_PER_STEP = 500

const NO_ROWS = encodeRowBatch([])

/** Begins the names of what could not be folded. */
const SET_ASIDE = 'journal_set_aside_'

interface Waiting {
  readonly row: LogRow
  readonly atMs: number
}

interface Group {
  readonly id: number
  readonly atMs: number
  readonly checksum: number
  readonly rows: Uint8Array
}

/** Everything up to a group is being folded: the spaces that are left. */
interface Pass {
  readonly upTo: number
  readonly bytes: number
  readonly spaces: string[]
  hasFailed: boolean
}

export class Journal {
  readonly #db: Connection
  readonly #log: LogTable
  readonly #passFailpoint: PassFailpoint
  readonly #insert
  readonly #remove
  readonly #keep
  readonly #quarantine
  /** By space, what waits, in order. */
  readonly #waiting = new Map<string, Waiting[]>()
  /** Spaces whose place in the log is damaged: nothing of theirs can be taken. */
  readonly #unfoldable = new Set<string>()
  #isEmpty = true
  #lastId = 0
  #bytes = 0
  #pass: Pass | null = null

  constructor(db: Connection, log: LogTable, passFailpoint: PassFailpoint = () => {}) {
    this.#db = db
    this.#log = log
    this.#passFailpoint = passFailpoint
    this.#insert = db.prepare('INSERT INTO journal (at_ms, checksum, rows) VALUES (?, ?, ?)')
    this.#remove = db.prepare('DELETE FROM journal WHERE id <= ?')
    this.#keep = db.prepare('INSERT INTO journal (id, at_ms, checksum, rows) VALUES (?, 0, ?, ?)')
    this.#quarantine = db.prepare('UPDATE spaces SET quarantine = ? WHERE name = ? AND quarantine IS NULL')
  }

  get isEmpty(): boolean {
    return this.#isEmpty
  }

  /** Whether it should be folded. */
  get isFull(): boolean {
    return this.#bytes >= MAX_BYTES
  }

  isUnfoldable(space: string): boolean {
    return this.#unfoldable.has(space)
  }

  /** What waits of a space, in order. */
  rowsOf(space: string): readonly LogRow[] {
    return this.#waiting.get(space)?.map(({ row }) => row) ?? []
  }

  lastOf(space: string): number | undefined {
    return this.#waiting.get(space)?.at(-1)?.row.last
  }

  suits(rows: readonly LogRow[], batch: Uint8Array): boolean {
    return rows.length >= MIN_ROWS && batch.length <= rows.length * MAX_MEAN_ROW_BYTES
  }

  /**
   * Inside a transaction: takes a group, of which nothing is stored.
   * @returns what to call once it is committed
   */
  append(rows: readonly LogRow[], batch: Uint8Array, atMs: number): () => void {
    const id = Number(this.#insert.run(atMs, crc32(batch), batch).lastInsertRowid)
    return () => {
      this.#lastId = id
      this.#isEmpty = false
      this.#bytes += batch.length
      for (const row of rows) this.#wait(row, atMs)
    }
  }

  /**
   * Inside a transaction: brings what waits of a space into the log.
   * @returns what to call once it is committed
   */
  foldSpace(space: string): () => void {
    const waiting = this.#waiting.get(space)
    if (waiting === undefined) return () => {}
    this.#bring(space, waiting)
    return () => void this.#waiting.delete(space)
  }

  /**
   * Folds a part of it, in a transaction of its own.
   * @returns whether there is more of what was there when this was called for the first time
   * @throws the disk's error; everything is as it was then
   */
  foldSome(): boolean {
    if (this.isEmpty && this.#pass === null) return false
    this.#pass ??= {
      upTo: this.#lastId,
      bytes: this.#bytes,
      spaces: [...this.#waiting.keys()],
      hasFailed: false,
    }
    const pass = this.#pass
    const spaces = this.#step(pass)
    this.#fold(spaces, pass)
    pass.spaces.length -= spaces.length
    if (pass.spaces.length > 0) return true
    this.#end(pass)
    this.#pass = null
    return false
  }

  /** @throws the disk's error */
  foldAll(): void {
    // A pass that is under way ends before what came since.
    while (!this.isEmpty || this.#pass !== null) this.foldSome()
  }

  /**
   * At the start: folds what another process left.
   * @returns what of it cannot be read, or null
   */
  recover(): string | null {
    let damage: string | null = null
    try {
      const groups = this.#db
        .prepare('SELECT id, at_ms AS atMs, checksum, rows FROM journal ORDER BY id')
        .iterate() as IterableIterator<Group>
      for (const group of groups) {
        this.#lastId = group.id
        damage = this.#read(group) ?? damage
      }
    } catch (error) {
      if (!isCorruption(error)) throw error
      damage = `nothing behind group ${this.#lastId} can be read`
    }
    if (this.#waiting.size === 0 && damage === null) return null
    this.#isEmpty = false
    this.#pass = {
      upTo: this.#lastId,
      bytes: 0,
      spaces: [...this.#waiting.keys()],
      hasFailed: damage !== null,
    }
    this.foldAll()
    return damage
  }

  /** What is whole of a damaged group counts: a row has a checksum of its own. */
  #read({ id, atMs, checksum, rows: batch }: Group): string | null {
    const isWhole = crc32(batch) === checksum
    try {
      for (const row of decodeRowBatch(batch)) {
        if (isWhole || rowChecksum(row) === row.checksum) this.#wait(row, atMs)
      }
    } catch {
      // It is not whole: a lying length, or a text that is none.
    }
    return isWhole ? null : `group ${id} is damaged`
  }

  #wait(row: LogRow, atMs: number): void {
    const waiting = this.#waiting.get(row.space)
    if (waiting === undefined) this.#waiting.set(row.space, [{ row, atMs }])
    else waiting.push({ row, atMs })
  }

  /** The last of the spaces that are left. */
  #step({ spaces }: Pass): string[] {
    let first = spaces.length
    for (let rows = 0; first > 0 && rows < ROWS_PER_STEP; first--) {
      rows += this.#waiting.get(spaces[first - 1]!)?.length ?? 0
    }
    return spaces.slice(first)
  }

  #fold(spaces: readonly string[], pass: Pass): void {
    try {
      this.#foldTogether(spaces)
    } catch (error) {
      if (!isCorruption(error)) throw error
      for (const space of spaces) this.#foldAlone(space, pass)
    }
  }

  #foldTogether(spaces: readonly string[]): void {
    this.#db
      .transaction(() => {
        for (const space of spaces) this.foldSpace(space)
        this.#passFailpoint('journal:before-fold')
      })
      .immediate()
    for (const space of spaces) this.#waiting.delete(space)
  }

  /** What is damaged of one space must not stop the others. */
  #foldAlone(space: string, pass: Pass): void {
    try {
      this.#foldTogether([space])
    } catch (error) {
      if (!isCorruption(error)) throw error
      pass.hasFailed = true
      this.#unfoldable.add(space)
      this.#waiting.delete(space)
      this.#quarantine.run('the database is damaged where its rows belong', space)
    }
  }

  /** Rows that were folded before, or that a snapshot covers, are there. */
  #bring(space: string, waiting: readonly Waiting[]): void {
    const id = this.#log.idOf(space)
    if (id === undefined) return
    const last = this.#log.lastOf(id)
    for (const { row, atMs } of waiting) if (row.first > last) this.#log.insert(id, row, atMs)
  }

  #end({ upTo, bytes, hasFailed }: Pass): void {
    if (hasFailed) this.#setAside()
    else this.#forget(upTo)
    this.#bytes = hasFailed ? 0 : this.#bytes - bytes
    this.#isEmpty = hasFailed || upTo === this.#lastId
  }

  /** The last of them stays without its rows: readers tell by the ids what they have seen. */
  #forget(upTo: number): void {
    this.#db
      .transaction(() => {
        this.#remove.run(upTo)
        this.#keepId(upTo)
      })
      .immediate()
  }

  /** What could not be folded stays in the file, where whoever repairs it finds it. */
  #setAside(): void {
    const rest: Pass = { upTo: this.#lastId, bytes: 0, spaces: [], hasFailed: true }
    this.#fold([...this.#waiting.keys()], rest)
    this.#db
      .transaction(() => {
        const before = setAsideJournals(this.#db).length
        this.#db.exec(`ALTER TABLE journal RENAME TO ${SET_ASIDE}${before + 1}`)
        createJournal(this.#db)
        this.#keepId(this.#lastId)
      })
      .immediate()
  }

  #keepId(id: number): void {
    this.#keep.run(id, crc32(NO_ROWS), NO_ROWS)
  }
}

/** The names of tables. */
export const setAsideJournals = (db: Connection): string[] =>
  db.prepare(`SELECT name FROM sqlite_schema WHERE name GLOB '${SET_ASIDE}*'`).pluck().all() as string[]

/** As schema 5 has it. */
export const createJournal = (db: Connection): void => {
  db.exec(`
    CREATE TABLE journal (
      id INTEGER PRIMARY KEY,
      at_ms INTEGER NOT NULL,
      checksum INTEGER NOT NULL,
      rows BLOB NOT NULL
    ) STRICT
  `)
}
