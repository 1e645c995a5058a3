/** Roles and what each may do: one table, used by every door. */

/** From the least to the most. */
export const ROLES = ['read', 'write', 'admin'] as const
export type Role = (typeof ROLES)[number]

export const OPERATIONS = [
  'read-document',
  'announce-presence',
  'send-signals',
  'edit-document',
  'list-spaces',
  'see-figures',
  'manage-spaces',
  'manage-members',
] as const
export type Operation = (typeof OPERATIONS)[number]

const ALLOWED: Readonly<Record<Role, ReadonlySet<Operation>>> = {
  read: new Set<Operation>(['read-document', 'announce-presence', 'send-signals']),
  write: new Set<Operation>(['read-document', 'announce-presence', 'send-signals', 'edit-document']),
  admin: new Set<Operation>(OPERATIONS),
}

export const isRole = (value: unknown): value is Role => ROLES.includes(value as Role)

export const mayDo = (role: Role, operation: Operation): boolean => ALLOWED[role].has(operation)
