// The experiment page: makes the parts and connects them. Parts do not know each other.

import { AnswerStrip } from "./controllers/answer_strip.js";
import { ContextBar } from "./controllers/context_bar.js";
import { ExactPrompt } from "./controllers/exact_prompt.js";
import { RunHistory } from "./controllers/history.js";
import { ExampleGrid } from "./controllers/example_grid.js";
import { connectPageCommands } from "./controllers/page_commands.js";
import { connectInputs } from "./controllers/input_fields.js";
import { keepModelsFresh } from "./controllers/model_states.js";
import { ModelWish } from "./controllers/model_wish.js";
import { Presets } from "./controllers/presets.js";
import { Preview } from "./controllers/preview.js";
import { Restore } from "./controllers/restore.js";
import { RunControls } from "./controllers/run_controls.js";
import { RunDifference } from "./controllers/run_difference.js";
import { connectSaving } from "./controllers/save_state.js";
import { RunSettings } from "./controllers/run_settings.js";
import { connectSettings } from "./controllers/settings_panel.js";
import { connectTestInputs } from "./controllers/test_inputs.js";
import { connectTexts } from "./controllers/texts.js";
import { byId, readData } from "./lib/dom.js";
import { requestJson } from "./lib/http.js";
import { LiveSocket, socketUrl } from "./lib/socket.js";
import { TabMemory } from "./lib/tab_memory.js";
import { commands } from "./models/commands.js";
import { Draft } from "./models/draft.js";
import { RunWatch } from "./models/run_watch.js";

const page = readData("page-data")
const draft = new Draft({ title: page.experiment.title, scope: page.experiment.scope, spec: page.spec, inputs: page.experiment.inputs })

function connectEditor() {
  connectTexts(draft)
  connectInputs(draft)
  connectTestInputs(draft, { commands, most: page.limits.test_inputs })
  const settings = connectSettings(draft, page)
  new Presets({ draft, url: page.urls.presets, presets: page.presets })
  const grid = new ExampleGrid(draft)
  const exact = new ExactPrompt({ opened: () => preview.refresh() })
  const bar = new ContextBar({ acts: contextActs, goTo })
  const preview = new Preview(draft, page.urls.render, {
    wantsTokens: () => exact.wantsTokens,
    onRendered: (prompt) => [grid, bar, exact].forEach((part) => part.show(prompt)),
    onRefused: (message) => [bar, exact].forEach((part) => part.refuse(message)),
  })
  connectSaving(draft, page)
  return { settings, exact }
}

const contextActs = {
  drop: () => draft.dropLastShot(),
  reserve: (count) => draft.rewrite(({ spec }) => (spec.settings.max_new_tokens = count)),
  trim: () => draft.trimEnds(),
}

/** From a part of the context bar to the box it comes from; a format has none. */
function goTo(part, index) {
  const boxes = {
    instruction: () => byId("instruction"),
    shot: () => document.querySelector(`#grid-rows [data-id="${CSS.escape(draft.placed[index]?.id)}"] textarea`),
    input: () => document.querySelector("#inputs textarea"),
    reserved: () => byId("max_new_tokens"),
  }
  boxes[part]?.()?.focus()
}

function connectRuns({ settings, exact }) {
  const socket = new LiveSocket(socketUrl(page.urls.socket, location), {
    onState: (state) => answers.showConnection(state),
    onError: (frame) => answers.complain(frame.message),
  })
  const runs = new RunWatch({ socket, read: readRun, user: page.user.id })
  const answers = new AnswerStrip({ runs, memory: memory("answers") })
  const wish = new ModelWish({ draft, url: page.urls.experiment, asked: () => lookSoon() })
  const show = (models) => [settings, wish].forEach((part) => part.showModels(models))
  const lookSoon = keepModelsFresh(page.urls.models, show, runs)
  new RunControls({ draft, runs, url: page.urls.runs, answers })
  new RunSettings({ draft, exact, complain: (message) => answers.complain(message) })
  connectHistory(runs, answers)
  window.addEventListener("online", () => socket.hurry())
  socket.connect()
  answers.restore(page.history.runs[0]?.id)
}

function connectHistory(runs, answers) {
  const history = new RunHistory({ url: page.urls.history, newest: page.history, runs, answers })
  const restore = new Restore({ draft, memory: memory("restored") })
  const difference = new RunDifference()
  const on = (source, name, act) =>
    source.addEventListener(name, ({ detail }) => act(detail).catch((error) => answers.complain(error.message)))
  on(history, "open", ({ run }) => answers.open(run))
  on(history, "compare", async (detail) => difference.show(await Promise.all(detail.runs.map(readRun))))
  for (const source of [history, answers]) on(source, "restore", async ({ run }) => restore.put(await readRun(run)))
}

const readRun = async (id) => (await requestJson("GET", `/runs/${id}/`)).run
const memory = (name) => new TabMemory(`${name} ${page.experiment.id}`)

connectRuns(connectEditor())
connectPageCommands(draft, page.models)
