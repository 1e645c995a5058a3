/** The text of a close frame: at most 123 bytes of UTF-8 (RFC 6455 §5.5), cut between characters. */

const MAX_REASON_BYTES = 123

export const closeReason = (text: string): string => {
  if (Buffer.byteLength(text) <= MAX_REASON_BYTES) return text
  let reason = ''
  let bytes = 0
  for (const character of text) {
    bytes += Buffer.byteLength(character)
    if (bytes > MAX_REASON_BYTES) break
    reason += character
  }
  return reason
}
