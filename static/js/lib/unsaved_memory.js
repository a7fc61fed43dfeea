// What pages could not bring to the server before they went away. Each page keeps its own under a key of its own, and
// reads what all of them kept; a browser that refuses to store anything keeps nothing.

import { uniqueId } from "./unique.js";

export class UnsavedMemory {
  constructor(name, storage = globalThis.localStorage) {
    Object.assign(this, { start: `unsaved ${name} `, own: `unsaved ${name} ${uniqueId()}`, storage })
  }

  /** Everything that was kept by pages of this name. */
  read() {
    try {
      return this.#keys().map((key) => JSON.parse(this.storage.getItem(key))).filter(Boolean)
    } catch {
      return []
    }
  }

  /** Keeps `value` for the next page; null says that everything has arrived, that of earlier pages too. Returns whether it could. */
  keep(value) {
    try {
      if (value === null) for (const key of this.#keys()) this.storage.removeItem(key)
      else this.storage.setItem(this.own, JSON.stringify(value))
      return true
    } catch {
      return false // full or forbidden: the page works without
    }
  }

  #keys() {
    return Object.keys(this.storage).filter((key) => key.startsWith(this.start))
  }
}
