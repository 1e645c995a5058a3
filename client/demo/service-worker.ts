/**
 * Lets the page itself be opened without a server. The network comes first, so that nobody is shown an old page
 * while there is a newer one; what it gave last is kept for when there is none.
 */

/** The part of a service worker's globals that is used; TypeScript's DOM library has none of them. */
interface WorkerEvent extends Event {
  readonly request: Request
  waitUntil(done: Promise<unknown>): void
  respondWith(response: Promise<Response>): void
}

interface Worker {
  readonly registration: { readonly scope: string }
  readonly clients: { claim(): Promise<void> }
  skipWaiting(): Promise<void>
  addEventListener(name: 'install' | 'activate' | 'fetch', listener: (event: WorkerEvent) => void): void
}

interface FetchOfPage {
  readonly request: Request
  /** What goes on when the page has its answer. */
  waitUntil(done: Promise<unknown>): void
}

const worker = globalThis as unknown as Worker
const CACHE = 'plenum-demo'
/** A file of the build: its name changes with its content. */
const BUILT = /[\w-]+-[\w-]{8}\.(?:js|css|woff2)/g

const page = worker.registration.scope

/** The page and whatever it mentions, and what that mentions. */
const keepAll = async (response: Response): Promise<void> => {
  const cache = await caches.open(CACHE)
  const urls = new Set([page, new URL('icon.svg', page).href])
  for (const url of urls) {
    const answer = url === page ? response : ((await cache.match(url)) ?? (await fetch(url)))
    if (!answer.ok) continue
    await cache.put(url, answer.clone())
    if (url.endsWith('.woff2')) continue
    for (const [name] of (await answer.text()).matchAll(BUILT)) urls.add(new URL(`assets/${name}`, page).href)
  }
  for (const { url } of await cache.keys()) if (!urls.has(url)) await cache.delete(url)
}

const ofPage = async ({ request, waitUntil }: FetchOfPage): Promise<Response> => {
  try {
    const response = await fetch(request)
    if (response.ok) waitUntil(keepAll(response.clone()))
    return response
  } catch (error) {
    const kept = await caches.match(page)
    if (kept === undefined) throw error
    return kept
  }
}

const ofBuild = async (request: Request): Promise<Response> => (await caches.match(request)) ?? fetch(request)

worker.addEventListener('install', event => {
  event.waitUntil(
    fetch(page)
      .then(keepAll)
      .then(() => worker.skipWaiting()),
  )
})

worker.addEventListener('activate', event => event.waitUntil(worker.clients.claim()))

worker.addEventListener('fetch', event => {
  const { request } = event
  const [href = ''] = request.url.split('#', 1)
  if (request.method !== 'GET') return
  if (href === page) {
    event.respondWith(ofPage({ request, waitUntil: done => event.waitUntil(done) }))
  } else if (href.startsWith(`${page}assets/`) || href === `${page}icon.svg`) {
    event.respondWith(ofBuild(request))
  }
})
