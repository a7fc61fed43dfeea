// A call counts as seen once its comment has been on screen.

import { requestJson } from "../lib/http.js";
import { debounce } from "../lib/timing.js";

const READ = 2000 // ms

export class ReadCalls {
  constructor({ discussion, url }) {
    Object.assign(this, { discussion, url, seen: new Set() })
    this.eye = new IntersectionObserver((entries) => this.#see(entries), { threshold: 0.5 })
    this.soon = debounce(() => this.#tell(), READ)
  }

  /** Watches comments, elements with their id as `data-comment`, in which the user is called. */
  watch(comments) {
    for (const comment of comments) this.eye.observe(comment)
  }

  #see(entries) {
    for (const { target } of entries.filter(({ isIntersecting }) => isIntersecting)) {
      this.eye.unobserve(target)
      this.seen.add(target.dataset.comment)
    }
    if (this.seen.size) this.soon()
  }

  async #tell() {
    const comments = [...this.seen]
    this.seen.clear()
    try {
      await requestJson("POST", this.url, { body: { comments } })
      this.discussion.see(comments)
    } catch {
      // it stays counted, and is told the next time that the panel is drawn
    }
  }
}
