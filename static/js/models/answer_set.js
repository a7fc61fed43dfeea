// Which answers are on the page: a row of cards, each with one or more runs of which one is shown. Knows no page.

export const MOST_OPENED = 4 // earlier runs beside the cards of the last press

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
    const opened = this.cards.filter(({ key }) => key === null)
    this.cards = [...started.map(({ key, run }) => ({ key, runs: [run], at: 0 })), ...opened]
  }

  /** Puts a new answer on a card and shows it. */
  add(card, run) {
    card.runs.push(run)
    card.at = card.runs.length - 1
  }

  /** Shows an earlier run: on the card that has it, or on one of its own. Returns the card. */
  open(run) {
    const holder = this.cards.find(({ runs }) => runs.includes(run))
    if (holder) {
      holder.at = holder.runs.indexOf(run)
      return holder
    }
    const card = { key: null, runs: [run], at: 0 }
    const opened = this.cards.filter(({ key }) => key === null)
    if (opened.length === MOST_OPENED) this.close(opened[0])
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
