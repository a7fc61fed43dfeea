// Sticks to the bottom of a growing box, but only while the reader is there.

const NEAR = 24 // px; a wheel notch away from the end still counts as being there

export class ScrollKeeper {
  /** `box` has scrollTop, scrollHeight and clientHeight; call `read` when the reader scrolls, `keep` after growth. */
  constructor(box) {
    this.box = box
    this.follows = true
  }

  read() {
    const { scrollTop, scrollHeight, clientHeight } = this.box
    this.follows = scrollHeight - clientHeight - scrollTop <= NEAR
  }

  keep() {
    if (this.follows) this.box.scrollTop = this.box.scrollHeight
  }

  /** Follows again, whatever the reader did before: a new answer begins. */
  restart() {
    this.follows = true
  }
}
