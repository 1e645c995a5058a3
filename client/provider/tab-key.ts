/** Who shares a broadcast channel: tabs with the same server, space, user and life of the space's content. */

export interface TabKey {
  readonly serverUrl: string
  readonly space: string
  readonly user: string
  /** Null before the first welcome. */
  readonly incarnation: string | null
  /** Of the local copy; a discarded one's tabs are left alone. */
  readonly generation: number
}

export const tabKey = ({ serverUrl, space, user, incarnation, generation }: TabKey): string =>
  ['plenum', ...[serverUrl, space, user, incarnation ?? '', generation].map(encodeURIComponent)].join('/')
