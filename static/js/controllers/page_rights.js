// Says that what one may do on this page has changed, as soon as the server tells it.

import { byId } from "../lib/dom.js";
import { changeOfRights } from "../models/rights.js";

export class PageRights {
  /** `page` is made for { may_run, may_edit }; its boxes open and close with the right to edit if it `isSwitched`. */
  constructor({ may_run: run, may_edit: edit }, { isSwitched = false } = {}) {
    Object.assign(this, { had: { run, edit }, isSwitched })
  }

  /** What one may do now, in a frame of the socket. */
  show({ may_run: run, may_edit: edit }) {
    this.#say(changeOfRights(this.had, { run, edit }, this.isSwitched))
  }

  /** A socket that the server has closed over a lost right. */
  showConnection(state) {
    if (state === "no-access") this.#say("You have no access to this experiment any more.")
  }

  #say(words) {
    byId("rights-words").textContent = words
    byId("rights-note").hidden = !words
  }
}
