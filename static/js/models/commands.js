// What people can do on this page, in one place: the palette finds it, the keyboard runs it, the help lists it.
// Controllers register what they own; none of the page is known here.

/** The order of headings in palette and help; others follow. */
const GROUPS = ["Run", "Prompt", "Examples", "Columns", "Answer", "Vote", "Discussion", "Settings", "Model", "Experiment", "Team", "Go to", "Page", "Theme"]

/** `entries` with those of one group together, the groups in their order. */
export function grouped(entries) {
  const names = [...new Set([...GROUPS, ...entries.map(({ group }) => group)])]
  return names.flatMap((name) => entries.filter(({ group }) => group === name))
}

export class Commands {
  constructor() {
    this.all = new Map()
    this.providers = []
  }

  /**
   * Adds a command: `title` in words, `run()`, and if wanted `keys` such as "Mod+Enter" (Mod is Ctrl or Cmd), `group`
   * for its heading, and `when()`, without which it can always run. `anywhere` runs it while a dialog is open too.
   */
  add(command) {
    if (this.all.has(command.id)) throw new Error(`two commands are called ${command.id}`)
    this.all.set(command.id, { group: "Page", when: () => true, ...command })
  }

  /** Adds a source of entries for the palette: `find(query)` gives a list of { id, title, group, run }, or its promise. */
  provide(find) {
    this.providers.push(find)
  }

  /** The commands that can run now. */
  available() {
    return [...this.all.values()].filter((command) => command.when())
  }

  withKeys() {
    return [...this.all.values()].filter((command) => command.keys)
  }
}

/** The commands of this page. */
export const commands = new Commands()
