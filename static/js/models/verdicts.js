// What people think of the answers of a comparison: votes on two answers, marks and words on one. Knows no page.

const OPPOSITE = { better: "worse", worse: "better" }

export class Verdicts {
  constructor(user) {
    Object.assign(this, { user, votes: new Map(), ratings: new Map() })
  }

  /** Takes everybody's votes and ratings as the server tells them. */
  load({ votes, ratings }) {
    this.votes = new Map(votes.map((vote) => [keyOf(vote.run, vote.against, vote.user_id), vote.choice]))
    this.ratings = new Map()
    for (const rating of ratings) this.#ratingsOf(rating.run).set(rating.user_id, rating)
  }

  /** My choice for one run against another, whichever of them was named when I voted; or null. */
  voteOn(run, against) {
    const found = this.votes.get(keyOf(run, against, this.user))
    if (found) return found
    const turned = this.votes.get(keyOf(against, run, this.user))
    return turned ? (OPPOSITE[turned] ?? turned) : null
  }

  vote(run, against, choice) {
    this.votes.delete(keyOf(against, run, this.user))
    if (choice === null) this.votes.delete(keyOf(run, against, this.user))
    else this.votes.set(keyOf(run, against, this.user), choice)
  }

  /** My { mark, comment } of an answer, or null. */
  ratingOf(run) {
    return this.ratings.get(run)?.get(this.user) ?? null
  }

  rate(run, rating) {
    if (rating) this.#ratingsOf(run).set(this.user, rating)
    else this.ratings.get(run)?.delete(this.user)
  }

  /** What the button under an answer says of it: my mark, and how many others gave one. */
  words(run) {
    const mine = this.ratingOf(run)
    const others = [...(this.ratings.get(run)?.keys() ?? [])].filter((user) => user !== this.user).length
    const own = mine ? [mine.mark && `${mine.mark}/5`, mine.comment && "note"].filter(Boolean).join(", ") : "rate"
    return others ? `${own} +${others}` : own
  }

  #ratingsOf(run) {
    if (!this.ratings.has(run)) this.ratings.set(run, new Map())
    return this.ratings.get(run)
  }
}

const keyOf = (run, against, user) => `${run} ${against} ${user}`
