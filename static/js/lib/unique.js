/** A unique id; `crypto.randomUUID` only exists on secure pages, and an office server is often plain http. */
export function uniqueId(source = globalThis.crypto) {
  if (source.randomUUID) return source.randomUUID()
  const bytes = source.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")
}
