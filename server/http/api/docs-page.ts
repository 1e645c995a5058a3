/** The OpenAPI document as a page to read: one file, no scripts, light and dark. */
import type { Json, OpenApi, OperationObject, Parameter, ResponseObject } from './openapi.js'

/** @param nonce allows the page's own style */
export const docsPage = ({ info, servers, tags, paths, components }: OpenApi, nonce: string): string => {
  const base = servers[0]?.url ?? ''
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path: base + path, method, operation })),
  )
  const groups = tags.map(({ name }) => ({
    name,
    operations: operations.filter(({ operation }) => operation.tags.includes(name)),
  }))
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${text(info.title)}: HTTP API</title>
<style nonce="${nonce}">${STYLE}</style>
</head>
<body>
<nav aria-label="Routes">
${groups.map(group => navGroup(group.name, group.operations)).join('\n')}
<h2>Schemas</h2>
<ul>${Object.keys(components.schemas)
    .map(name => `<li><a href="#${name}">${text(name)}</a></li>`)
    .join('')}</ul>
</nav>
<main>
<h1>${text(info.title)}: HTTP API</h1>
<p>${prose(info.description)}</p>
<p>For programs: <a href="openapi.json">openapi.json</a>. A token goes into the header, as in
<code>Authorization: Bearer …</code>.</p>
${groups
  .map(
    group =>
      `<h2 id="${slug(group.name)}">${text(group.name)}</h2>\n${group.operations.map(operationOf).join('\n')}`,
  )
  .join('\n')}
<h2 id="schemas">Schemas</h2>
${Object.entries(components.schemas)
  .map(
    ([name, schema]) =>
      `<section id="${name}"><h3>${text(name)}</h3>${described(schema)}${fieldTable(schema)}</section>`,
  )
  .join('\n')}
</main>
</body>
</html>
`
}

interface Placed {
  readonly path: string
  readonly method: string
  readonly operation: OperationObject
}

const navGroup = (name: string, operations: readonly Placed[]): string =>
  `<h2><a href="#${slug(name)}">${text(name)}</a></h2>
<ul>${operations
    .map(({ operation }) => `<li><a href="#${operation.operationId}">${text(operation.summary)}</a></li>`)
    .join('')}</ul>`

const operationOf = ({ path, method, operation }: Placed): string => `<section id="${operation.operationId}">
<h3>${text(operation.summary)}</h3>
<p class="address"><b class="${method}">${method.toUpperCase()}</b> <code>${breakable(path)}</code></p>
<p>${prose(operation.description)}${operation.security.length === 0 ? ' No token is needed.' : ''}</p>
${parameterTable(operation.parameters ?? [])}${bodyOf(operation)}
<h4>Answers</h4>
<table><tbody>${Object.entries(operation.responses).map(responseRow).join('')}</tbody></table>
</section>`

const parameterTable = (parameters: readonly Parameter[]): string =>
  parameters.length === 0
    ? ''
    : `<h4>Request</h4>
<table><tbody>${parameters
        .map(
          each =>
            `<tr><th scope="row"><code>${text(each.name)}</code></th><td class="kind">${text(each.in)}${each.required ? ', required' : ''}</td><td>${prose(each.description)}${choicesOf(each.schema)}</td></tr>`,
        )
        .join('')}</tbody></table>`

const choicesOf = (schema: Json): string => {
  const choices = ((schema.items as Json | undefined)?.enum ?? []) as readonly string[]
  const listed = choices.map(choice => `<code>${text(choice)}</code>`).join(' ')
  const standard = schema.default === undefined ? '' : `${text(String(schema.default))} where left out`
  return [listed, standard]
    .filter(line => line !== '')
    .map(line => `<br><span class="kind">${line}</span>`)
    .join('')
}

const bodyOf = ({ requestBody }: OperationObject): string =>
  requestBody === undefined
    ? ''
    : `<p>Body: <code>${text(Object.keys(requestBody.content).join(', '))}</code>. ${prose(requestBody.description)}</p>`

const responseRow = ([status, response]: [string, ResponseObject]): string =>
  `<tr class="s${status[0]}"><th scope="row">${status}</th><td>${prose(response.description)}${contentOf(response)}</td></tr>`

/** A failure has one form, told once. */
const contentOf = ({ content = {}, headers = {} }: ResponseObject): string => {
  const kinds = Object.entries(content)
    .filter(([, { schema }]) => schema?.$ref !== '#/components/schemas/Failure')
    .map(
      ([kind, { schema }]) => `<code>${text(kind)}</code>${schema === undefined ? '' : ` ${typeOf(schema)}`}`,
    )
  const told = Object.entries(headers).map(
    ([name, header]) => `<code>${text(name)}</code>: ${prose(String((header as Json).description))}`,
  )
  return [...kinds, ...told].map(line => `<br><span class="kind">${line}</span>`).join('')
}

const described = ({ description }: Json): string =>
  description === undefined ? '' : `<p>${prose(String(description))}</p>`

const fieldTable = (schema: Json): string => {
  const required = (schema.required ?? []) as readonly string[]
  const fields = Object.entries((schema.properties ?? {}) as Record<string, Json>)
  return `<table><tbody>${fields
    .map(
      ([name, field]) =>
        `<tr><th scope="row"><code>${text(name)}</code></th><td class="kind">${typeOf(field)}${required.includes(name) ? '' : ', not always'}</td><td>${prose(String(field.description ?? ''))}</td></tr>`,
    )
    .join('')}</tbody></table>`
}

/** A schema in a few words. */
const typeOf = (schema: Json): string => {
  const { $ref, type, items, anyOf, properties, additionalProperties } = schema
  if (typeof $ref === 'string') {
    const name = $ref.slice($ref.lastIndexOf('/') + 1)
    return `<a href="#${name}">${text(name)}</a>`
  }
  if (schema.enum !== undefined && (schema.enum as unknown[]).length <= 6) {
    return (schema.enum as unknown[]).map(value => `<code>${text(String(value))}</code>`).join(' ')
  }
  if (Array.isArray(anyOf)) return anyOf.map(each => typeOf(each as Json)).join(' or ')
  if (type === 'array') return `list of ${typeOf((items ?? {}) as Json)}`
  const events = schema['x-events'] as Readonly<Record<string, Json>> | undefined
  if (events !== undefined) {
    return Object.entries(events)
      .map(([name, each]) => `<br><code>${text(name)}</code> ${typeOf(each)}`)
      .join('')
  }
  if (properties !== undefined) {
    const fields = Object.entries(properties as Record<string, Json>)
    return `{ ${fields.map(([name, each]) => `<code>${text(name)}</code>: ${typeOf(each)}`).join(', ')} }`
  }
  if (typeof additionalProperties === 'object' && Object.keys(additionalProperties as Json).length > 0) {
    return `object of ${typeOf(additionalProperties as Json)}`
  }
  return text(String(type ?? 'anything'))
}

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

const text = (raw: string): string => raw.replaceAll(/[&<>"]/g, found => ESCAPES[found] as string)

/** Text with `code` in it. */
const prose = (raw: string): string => text(raw).replaceAll(/`([^`]+)`/g, '<code>$1</code>')

const breakable = (path: string): string => text(path).replaceAll('/', '/<wbr>')

const slug = (name: string): string => name.toLowerCase().replaceAll(/\W+/g, '-')

const STYLE = `
:root { color-scheme: light dark; --paper: #fcfcfa; --ink: #1d2125; --soft: #59636e; --line: #d9dcdf;
  --link: #0b5cad; --shade: #f0f1ef; --good: #14692f; --bad: #99391b; }
@media (prefers-color-scheme: dark) { :root { --paper: #15181b; --ink: #e4e6e8; --soft: #a0a9b2; --line: #353b41;
  --link: #7db8f2; --shade: #20252a; --good: #6cc58a; --bad: #eda082; } }
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 1rem; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif;
  display: grid; grid-template-columns: 17rem minmax(0, 1fr); }
nav { position: sticky; top: 0; height: 100vh; overflow: auto; padding: 1.5rem 1.25rem 2rem;
  border-right: 1px solid var(--line); font-size: .9rem; }
nav h2 { font-size: .9rem; margin: 1.1rem 0 .2rem; border: 0; padding: 0; }
nav h2:first-child { margin-top: 0; }
nav h2 a { color: inherit; }
nav ul { list-style: none; margin: 0; padding: 0; }
nav li { margin: .15rem 0; }
nav a { text-decoration: none; }
a { color: var(--link); }
a:hover { text-decoration: underline; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: 2px; }
main { padding: 1.5rem clamp(1rem, 4vw, 3.5rem) 6rem; max-width: 62rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .75rem; }
h2 { font-size: 1.3rem; margin: 3rem 0 .5rem; padding-top: 1rem; border-top: 1px solid var(--line); }
h3 { font-size: 1.05rem; margin: 0 0 .35rem; }
h4 { font-size: .85rem; margin: .9rem 0 .2rem; color: var(--soft); font-weight: 600; }
section { margin: 1.25rem 0 2.25rem; }
section:target { box-shadow: -1rem 0 0 var(--paper), calc(-1rem - 3px) 0 0 var(--link); }
p { margin: .35rem 0; }
code { font: .88em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; background: var(--shade);
  padding: .08em .3em; border-radius: 3px; overflow-wrap: anywhere; }
.address { margin: .2rem 0 .5rem; }
.address b { display: inline-block; min-width: 4.2rem; font-size: .82rem; letter-spacing: .03em; color: var(--good); }
.address b.delete { color: var(--bad); }
.address b.put, .address b.post { color: var(--link); }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .3rem .75rem .3rem 0; border-top: 1px solid var(--line);
  font-weight: 400; overflow-wrap: anywhere; }
th { white-space: nowrap; width: 9.5rem; }
td.kind { width: 11rem; overflow-wrap: normal; }
.kind { color: var(--soft); font-size: .9rem; }
tr.s2 th { color: var(--good); font-weight: 600; }
tr.s4 th, tr.s5 th { color: var(--bad); }
tr.s4 td, tr.s5 td { font-size: .9rem; color: var(--soft); }
@media (max-width: 52rem) {
  body { display: block; }
  nav { position: static; height: auto; border-right: 0; border-bottom: 1px solid var(--line); }
  th { white-space: normal; width: 6.5rem; }
  td.kind { width: auto; }
}
@media print { nav { display: none; } body { display: block; } }
`
