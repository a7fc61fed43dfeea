// What one tab remembers over a reload. A browser may refuse to store anything: then nothing is remembered.

export class TabMemory {
  constructor(key, storage = globalThis.sessionStorage) {
    Object.assign(this, { key, storage })
  }

  /** What was kept last, or null. */
  read() {
    try {
      return JSON.parse(this.storage.getItem(this.key))
    } catch {
      return null
    }
  }

  keep(value) {
    try {
      this.storage.setItem(this.key, JSON.stringify(value))
    } catch {
      // full or forbidden: the page works without
    }
  }
}
