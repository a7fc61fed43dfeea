// Bytes as text, for frames and for the browser's memory.

const PIECE = 0x8000 // a call takes only so many arguments

export function toBase64(bytes) {
  let text = ""
  for (let at = 0; at < bytes.length; at += PIECE) text += String.fromCharCode(...bytes.subarray(at, at + PIECE))
  return btoa(text)
}

export const fromBase64 = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))
