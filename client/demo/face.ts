/** Small pieces that more than one panel shows. Colours come by attribute: the content policy allows no inline styles. */

/** A round initial in the colour of the `data-hue` around it. */
export const faceOf = (name: string): HTMLElement => {
  const face = textSpan('initial', [...name][0]?.toLocaleUpperCase() ?? '')
  face.setAttribute('aria-hidden', 'true')
  return face
}

export const textSpan = (className: string, text: string): HTMLElement => {
  const span = document.createElement('span')
  span.className = className
  span.textContent = text
  return span
}

/** Nothing is touched that has not changed. @param shown all that the content depends on */
export const replaceIfOther = (element: HTMLElement, shown: unknown, make: () => HTMLElement[]): void => {
  const key = JSON.stringify(shown)
  if (element.dataset.key === key) return
  element.dataset.key = key
  element.replaceChildren(...make())
}
