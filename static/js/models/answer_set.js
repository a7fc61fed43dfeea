// Which answers are on the page: a row of cards, each with one or more runs of which one is shown. Knows no page.
//
// A card is { key, runs, at }: pressed here under a `key`, or opened with null. That of somebody else has a `person`
// ({ id, name }), too. There is one for each person, whatever they press, so that many samples are pages and no flood.

export const MOST_OPENED = 4 // earlier runs beside the cards of the last press
export const MOST_PEOPLE = 4
export const MOST_PAGES = 32 // of the card of somebody else

export class AnswerSet {
  constructor(cards = []) {
    this.cards = cards
  }

  /**
   * Takes the runs of one press, [{ key, run }]. The same keys as before add a page to each card, so that the earlier
   * answers are one step back; other keys begin new cards. Cards that were opened from the history stay.
   */
  begin(started) {
    const pressed = this.cards.filter(({ key }) => key !== null)
    const same = pressed.length === started.length && started.every(({ key }, index) => key === pressed[index].key)
    if (same) return started.forEach(({ run }, index) => this.add(pressed[index], run))
    const others = this.cards.filter(({ key }) => key === null)
    this.cards = [...started.map(({ key, run }) => ({ key, runs: [run], at: 0 })), ...others]
  }

  /** Puts a new answer on a card and shows it. */
  add(card, run) {
    card.runs.push(run)
    card.at = card.runs.length - 1
  }

  /** Shows an earlier run: on the card that has it, or on one of its own. Returns the card. */
  open(run) {
    const holder = this.#holderOf(run)
    if (holder) {
      holder.at = holder.runs.indexOf(run)
      return holder
    }
    const card = { key: null, runs: [run], at: 0 }
    const opened = this.cards.filter(({ key, person }) => key === null && !person)
    if (opened.length === MOST_OPENED) this.close(opened[0])
    this.cards.push(card)
    return card
  }

  /**
   * Takes a run that somebody else has started. Their card turns to it unless the answer that it shows is still being
   * written: `isLive(run)` says so. Returns the card that has it, or null when as many people as may be are writing.
   */
  meet(person, run, isLive) {
    const holder = this.#holderOf(run)
    if (holder) return holder
    const card = this.cardOf(person) ?? this.#seat(person, isLive)
    if (card === null) return null
    const stays = card.runs.length > 0 && isLive(shownRun(card))
    card.runs.push(run)
    if (!stays) card.at = card.runs.length - 1
    if (card.runs.length > MOST_PAGES && card.at > 0) {
      card.runs.shift()
      card.at -= 1
    }
    return card
  }

  #holderOf(run) {
    return this.cards.find(({ runs }) => runs.includes(run))
  }

  cardOf({ id }) {
    return this.cards.find(({ person }) => person?.id === id)
  }

  /** A new card for somebody; where there are too many, the first goes on which nothing is being written. */
  #seat(person, isLive) {
    const others = this.cards.filter((card) => card.person)
    if (others.length === MOST_PEOPLE) {
      const idle = others.find((card) => !isLive(shownRun(card)))
      if (!idle) return null
      this.close(idle)
    }
    const card = { key: null, person, runs: [], at: 0 }
    this.cards.push(card)
    return card
  }

  /** Goes to an older or a newer answer of a card. */
  step(card, by) {
    card.at = Math.max(0, Math.min(card.runs.length - 1, card.at + by))
  }

  close(card) {
    this.cards = this.cards.filter((other) => other !== card)
  }

  /** Forgets a run that cannot be read any more. */
  drop(run) {
    for (const card of this.cards) {
      card.runs = card.runs.filter((other) => other !== run)
      this.step(card, 0)
    }
    this.cards = this.cards.filter(({ runs }) => runs.length)
  }

  get runs() {
    return this.cards.flatMap(({ runs }) => runs)
  }
}

/** The run that a card shows. */
export const shownRun = ({ runs, at }) => runs[at]
