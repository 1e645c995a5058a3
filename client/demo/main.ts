/** The demo: one text in one space, for whoever the address lets in. */
import { readAddress, writeAddress } from './address.js'
import { otherName } from './names.js'
import { askWhetherSure, part, roleChoices, showRole, showStatus, showTrouble } from './page.js'
import { PlansPanel } from './plans-panel.js'
import { Session } from './session.js'
import { connectionStatus, saveStatus } from './status.js'
import { troubleOf, type Way } from './trouble.js'
import { WhoPanel } from './who-panel.js'

/** Of this tab only: the next one is online again. */
const SWITCH_KEY = 'plenum-demo-offline'
const TICK_MS = 1_000

const base = new URL('.', location.href).href
let address = readAddress(location.hash)

const session = new Session({
  address,
  base,
  nonce: document.querySelector<HTMLElement>('meta[property=csp-nonce]')?.nonce ?? '',
  parent: part('editor'),
  isSwitchedOff: sessionStorage.getItem(SWITCH_KEY) === 'on',
  covered: () => ({ top: part('top').offsetHeight, bottom: part('desk').offsetHeight }),
  onChange: () => show(),
})

const who = new WhoPanel(session, address.name)
const plans = new PlansPanel(session)

let ticking: ReturnType<typeof setInterval> | undefined
let retryAtMs: number | null = null

const show = (): void => {
  const { facts, role } = session
  part('save').dataset.save = facts.saveState
  part('connection').dataset.connection = facts.connection.state
  showStatus('save', saveStatus(facts))
  showTrouble(troubleOf(facts), take)
  who.update()
  plans.update()
  showRole(role)
  part('offline').setAttribute('aria-checked', String(facts.isSwitchedOff))
  showSecondLink()
  retryAtMs = retryTime()
  showConnection()
  tick(retryAtMs !== null)
}

const showConnection = (): void => {
  const waitMs = retryAtMs === null ? null : Math.max(0, retryAtMs - performance.now())
  showStatus('connection', connectionStatus(session.facts, waitMs))
}

const retryTime = (): number | null => {
  const { connection } = session.facts
  if (connection.state !== 'offline' || connection.retryInMs === null) return null
  return performance.now() + connection.retryInMs
}

const tick = (isWaiting: boolean): void => {
  if (!isWaiting) {
    clearInterval(ticking)
    ticking = undefined
  } else ticking ??= setInterval(showConnection, TICK_MS)
}

const showSecondLink = (): void => {
  const link = part<HTMLAnchorElement>('second')
  link.hidden = address.entry.type !== 'invitation'
  const name = otherName([address.name, ...session.presence.members.map(({ name }) => name)])
  const href = writeAddress({ ...address, name, role: 'write' })
  if (link.getAttribute('href') === href) return
  link.href = href
  link.textContent = `Open as ${name}`
}

const take = (way: Way): void => {
  void session.take(way, askWhetherSure)
}

part('space').textContent = address.space
document.title = `${address.space} · Plenum`
history.replaceState(null, '', writeAddress(address))

part('role').hidden = address.entry.type !== 'invitation'
for (const choice of roleChoices()) {
  choice.addEventListener('change', () => {
    address = { ...address, role: choice.value === 'read' ? 'read' : 'write' }
    history.replaceState(null, '', writeAddress(address))
    session.setRole(address.role)
  })
}

part('offline').addEventListener('click', () => {
  const isSwitchedOff = part('offline').getAttribute('aria-checked') !== 'true'
  sessionStorage.setItem(SWITCH_KEY, isSwitchedOff ? 'on' : 'off')
  session.setSwitchedOff(isSwitchedOff)
})

const bars = new ResizeObserver(() => session.reveal())
for (const id of ['top', 'desk']) bars.observe(part(id))

addEventListener('hashchange', () => location.reload())

// Only pages from a trustworthy address have it; without it they cannot be opened offline.
navigator.serviceWorker?.register('./service-worker.js').catch(() => {})
