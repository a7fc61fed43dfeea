// From the bytes of a file to text: which encoding, and what could not be read. Works in pieces, so the page stays awake.

export const FILE_BYTES = 32 * 2 ** 20
export const ENCODINGS = [
  ["utf-8", "UTF-8"],
  ["utf-16le", "UTF-16"],
  ["utf-16be", "UTF-16, big-endian"],
  ["windows-1252", "Western European (Windows-1252, Latin-1)"],
  ["windows-1250", "Central European (Windows-1250)"],
  ["windows-1251", "Cyrillic (Windows-1251)"],
  ["macintosh", "Mac Roman"],
  ["shift_jis", "Japanese (Shift JIS)"],
  ["gb18030", "Chinese (GB 18030)"],
  ["big5", "Chinese (Big5)"],
  ["euc-kr", "Korean (EUC-KR)"],
]
const PIECE = 512 * 1024
const LOOKED_AT = 4096
const FOREIGN = [
  [[0x50, 0x4b, 3, 4], "This is a workbook or an archive, not a text file. Save the sheet as CSV (UTF-8) first."],
  [[0xd0, 0xcf, 0x11, 0xe0], "This is an old Excel workbook, not a text file. Save the sheet as CSV (UTF-8) first."],
  [[0x25, 0x50, 0x44, 0x46], "This is a PDF, not a table."],
  [[0x1f, 0x8b], "This file is compressed. Unpack it first."],
]

/** The bytes of a blob, read in pieces with a `pause()` after each. */
export async function readBytes(blob, pause) {
  const bytes = new Uint8Array(blob.size)
  for (let start = 0; start < blob.size; start += PIECE) {
    bytes.set(new Uint8Array(await blob.slice(start, start + PIECE).arrayBuffer()), start)
    await pause()
  }
  return bytes
}

/** Why these bytes are no text, or "". */
export function faultInBytes(bytes, encoding) {
  for (const [start, words] of FOREIGN) if (start.every((byte, at) => bytes[at] === byte)) return words
  if (encoding.startsWith("utf-16")) return ""
  return bytes.subarray(0, LOOKED_AT).includes(0) ? "This is not a text file: it holds NUL bytes." : ""
}

/** The encoding by byte order mark, by the NULs of UTF-16, else UTF-8 if it is valid, else Windows-1252. */
export async function guessEncoding(bytes, pause) {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return "utf-16le"
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return "utf-16be"
  return guessUtf16(bytes.subarray(0, LOOKED_AT)) ?? ((await isUtf8(bytes, pause)) ? "utf-8" : "windows-1252")
}

/** Text whose every second byte is mostly NUL is UTF-16, mark or not. */
function guessUtf16(bytes) {
  const nulls = [0, 0]
  bytes.forEach((byte, at) => (nulls[at % 2] += byte === 0))
  const most = bytes.length / 2
  if (nulls[1] > most * 0.4 && nulls[0] < most * 0.1) return "utf-16le"
  return nulls[0] > most * 0.4 && nulls[1] < most * 0.1 ? "utf-16be" : null
}

async function isUtf8(bytes, pause) {
  try {
    await decode(bytes, "utf-8", pause, { fatal: true })
    return true
  } catch (error) {
    if (error instanceof TypeError) return false
    throw error
  }
}

/** The text of `bytes`; what the encoding does not know becomes U+FFFD, or a TypeError if `fatal`. */
export async function decode(bytes, encoding, pause, { fatal = false } = {}) {
  const decoder = new TextDecoder(encoding, { fatal })
  const parts = []
  for (let start = 0; start < bytes.length; start += PIECE) {
    parts.push(decoder.decode(bytes.subarray(start, start + PIECE), { stream: true }))
    await pause()
  }
  parts.push(decoder.decode())
  return parts.join("")
}
