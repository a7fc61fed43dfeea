// The experiment page: makes the parts and connects them. Parts do not know each other.

import { AnswerStrip } from "./controllers/answer_strip.js";
import { connectBranches } from "./controllers/branches.js";
import { ContextBar } from "./controllers/context_bar.js";
import { ExactPrompt } from "./controllers/exact_prompt.js";
import { connectCosts } from "./controllers/example_costs.js";
import { ExampleGrid } from "./controllers/example_grid.js";
import { connectExport } from "./controllers/export_button.js";
import { connectDrop } from "./controllers/file_drop.js";
import { connectUndo } from "./controllers/grid_note.js";
import { connectPaste } from "./controllers/grid_paste.js";
import { RunHistory } from "./controllers/history.js";
import { ImportDialog } from "./controllers/import_dialog.js";
import { connectInputs } from "./controllers/input_fields.js";
import { connectKeeping } from "./controllers/keep_answer.js";
import { keepModelsFresh } from "./controllers/model_states.js";
import { ModelWish } from "./controllers/model_wish.js";
import { connectPageCommands } from "./controllers/page_commands.js";
import { connectPlaceholders } from "./controllers/placeholders.js";
import { Presets } from "./controllers/presets.js";
import { Preview } from "./controllers/preview.js";
import { connectReceipts } from "./controllers/receipt.js";
import { Restore } from "./controllers/restore.js";
import { RunControls } from "./controllers/run_controls.js";
import { RunDifference } from "./controllers/run_difference.js";
import { RunSettings } from "./controllers/run_settings.js";
import { connectSaving } from "./controllers/save_state.js";
import { connectSettings } from "./controllers/settings_panel.js";
import { connectShading } from "./controllers/shading.js";
import { connectShots } from "./controllers/shots_slider.js";
import { connectTestInputs } from "./controllers/test_inputs.js";
import { connectTexts } from "./controllers/texts.js";
import { byId, readData } from "./lib/dom.js";
import { requestJson } from "./lib/http.js";
import { LiveSocket, socketUrl } from "./lib/socket.js";
import { TabMemory } from "./lib/tab_memory.js";
import { commands } from "./models/commands.js";
import { Draft } from "./models/draft.js";
import { GridEdits } from "./models/grid_edits.js";
import { RunWatch } from "./models/run_watch.js";

const page = readData("page-data")
const { title, scope, inputs } = page.experiment
const draft = new Draft({ title, scope, inputs, spec: page.spec }, page.limits)

function connectEditor() {
  connectTexts(draft)
  connectInputs(draft)
  connectTestInputs(draft, { commands, most: page.limits.test_inputs })
  const settings = connectSettings(draft, page)
  new Presets({ draft, url: page.urls.presets, presets: page.presets })
  connectPlaceholders(draft)
  const grid = connectExamples()
  const costs = connectCosts(draft, grid, page.urls.examples)
  const exact = new ExactPrompt({ opened: () => preview.refresh() })
  const bar = new ContextBar({ acts: contextActs, goTo })
  const preview = new Preview(draft, page.urls.render, {
    wantsTokens: () => exact.wantsTokens,
    onRendered: (prompt) => [costs, bar, exact].forEach((part) => part.show(prompt)),
    onRefused: (message) => [costs, bar, exact].forEach((part) => part.refuse(message)),
  })
  connectSaving(draft, page)
  return { settings, exact, grid }
}

function connectExamples() {
  const edits = new GridEdits(draft)
  const grid = new ExampleGrid(draft, edits)
  const dialog = new ImportDialog(draft, edits, page.urls)
  connectShots(draft)
  connectUndo(edits)
  connectPaste(draft, edits, (text) => dialog.open(text))
  connectDrop((file) => dialog.openFile(file))
  connectExport(draft)
  return grid
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

function connectRuns({ settings, exact, grid }) {
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
  connectKeeping(draft, grid)
  connectHistory(runs, answers)
  const { repeat } = connectBranches({ runs, url: page.urls.runs, draft, answers })
  connectReceipts({ show: (run) => answers.open(run), repeat })
  connectShading(commands)
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
