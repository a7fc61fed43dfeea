// What has been said about an experiment, as far as this page knows: threads under one filter, and for the whole page the
// marks of all open ones. Knows no page.

export class Discussion extends EventTarget {
  /** Sends "change" whenever something has to be drawn again. Of what stands elsewhere than `within` a comparison nothing is kept. */
  constructor(user, within = null) {
    super()
    Object.assign(this, { user, within, state: "open", threads: [], more: false, marks: new Map(), unseen: [], people: [], pending: null })
  }

  /** Begins anew with the first page of a filter. */
  reset(page, state = this.state) {
    Object.assign(this, { state, threads: page.threads, last: page.threads.at(-1)?.id, more: page.more, unseen: page.unseen, people: page.people })
    this.marks = new Map(page.marks.map((mark) => [mark.thread, mark]))
    this.#tell()
  }

  /** Puts the next older page at the end. */
  extend({ threads, more }) {
    const fresh = new Set(threads.map(({ id }) => id))
    const all = [...this.threads.filter(({ id }) => !fresh.has(id)), ...threads]
    Object.assign(this, { threads: all.sort(byAge), last: threads.at(-1)?.id ?? this.last, more })
    this.#tell()
  }

  /** A thread as it is now; one that the filter leaves out goes, unless `stays` asks for it by name. */
  put(thread, { stays = false } = {}) {
    if (this.within && thread.about.in?.id !== this.within) return
    const before = this.threads.find(({ id }) => id === thread.id)
    this.#mark(thread)
    if (before) this.threads = this.threads.map((one) => (one === before ? thread : one))
    else this.threads = [thread, ...this.threads].sort(byAge)
    if (!stays && !this.#fits(thread)) this.threads = this.threads.filter(({ id }) => id !== thread.id)
    this.#call(thread)
    this.#tell()
  }

  /** A thread of which nothing is left. */
  drop(id) {
    this.threads = this.threads.filter((thread) => thread.id !== id)
    this.marks.delete(id)
    this.unseen = this.unseen.filter(({ thread }) => thread !== id)
    this.#tell()
  }

  /** The user has read these comments. */
  see(comments) {
    this.unseen = this.unseen.filter(({ comment }) => !comments.includes(comment))
    for (const comment of this.threads.flatMap((thread) => thread.comments)) if (comments.includes(comment.id)) comment.unseen = false
    this.#tell()
  }

  find(id) {
    return this.threads.find((thread) => thread.id === id)
  }

  /** Marks of open threads on a run, and on examples with all their cells. */
  onRun(run) {
    return [...this.marks.values()].filter(({ about }) => about.kind === "run" && about.run === run)
  }

  get onExamples() {
    return [...this.marks.values()].filter(({ about }) => about.kind === "example" || about.path?.startsWith("example/"))
  }

  /** What a comment is being written about, so that the page can mark it. */
  wait(about) {
    this.pending = about
    this.#tell()
  }

  get onTexts() {
    return [...this.marks.values()].filter(({ about }) => about.kind === "text")
  }

  #mark(thread) {
    const comments = thread.comments.filter(({ deleted }) => !deleted).length
    if (thread.resolved || !comments) this.marks.delete(thread.id)
    else this.marks.set(thread.id, { thread: thread.id, about: thread.about, comments })
  }

  #fits({ resolved, comments }) {
    const isMine = ({ user_id: author, mentions }) => author === this.user.id || mentions.some(({ id }) => id === this.user.id)
    if (this.state === "mine") return comments.some(isMine)
    return (this.state === "resolved") === (resolved !== null)
  }

  #call(thread) {
    const others = this.unseen.filter((one) => one.thread !== thread.id)
    const here = thread.comments.filter(({ unseen }) => unseen).map(({ id }) => ({ comment: id, thread: thread.id }))
    this.unseen = [...others, ...here]
  }

  #tell() {
    this.dispatchEvent(new Event("change"))
  }
}

const byAge = (one, other) => (one.id < other.id ? 1 : -1) // the newest first

/** Whether a mark is on this example or in one of its cells. */
export const isOn = (id, about) => about.example === id || Boolean(about.path?.startsWith(`example/${id}/`))

export const countOf = (marks) => marks.reduce((sum, { comments }) => sum + comments, 0)

/** What stands on the button: how many threads are open, or how often one is called. */
export function badgeOf({ marks, unseen }) {
  if (unseen.length) return { text: `@${unseen.length}`, words: unseen.length === 1 ? "you are mentioned once" : `you are mentioned ${unseen.length} times`, isCall: true }
  return { text: marks.size ? String(marks.size) : "", words: marks.size === 1 ? "1 open thread" : `${marks.size} open threads`, isCall: false }
}
