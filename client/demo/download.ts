/** A text as a file in the person's downloads. */

/** @param name becomes the file's, as far as file systems take it */
export const downloadText = (text: string, name: string): void => {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/plain' }))
  const link = document.createElement('a')
  link.href = url
  link.download = `${name.replaceAll(/[^\p{L}\p{N}._-]+/gu, '-')}.txt`
  link.click()
  URL.revokeObjectURL(url)
}
