// The experiment page: makes the parts and connects them. Parts do not know each other.

import { AnswerPanel } from "./controllers/answer_panel.js";
import { ContextBar } from "./controllers/context_bar.js";
import { connectDownload } from "./controllers/download_button.js";
import { connectCosts } from "./controllers/example_costs.js";
import { ExactPrompt } from "./controllers/exact_prompt.js";
import { connectHistory } from "./controllers/history.js";
import { ExampleGrid } from "./controllers/example_grid.js";
import { connectDrop } from "./controllers/file_drop.js";
import { connectUndo } from "./controllers/grid_note.js";
import { connectPaste } from "./controllers/grid_paste.js";
import { ImportDialog } from "./controllers/import_dialog.js";
import { connectInputs } from "./controllers/input_fields.js";
import { connectKeeping } from "./controllers/keep_answer.js";
import { keepModelsFresh } from "./controllers/model_states.js";
import { ModelWish } from "./controllers/model_wish.js";
import { connectPlaceholders } from "./controllers/placeholders.js";
import { Preview } from "./controllers/preview.js";
import { RunButton } from "./controllers/run_button.js";
import { connectSaving } from "./controllers/save_state.js";
import { connectSettings } from "./controllers/settings_panel.js";
import { connectShots } from "./controllers/shots_slider.js";
import { connectTexts } from "./controllers/texts.js";
import { readData } from "./lib/dom.js";
import { requestJson } from "./lib/http.js";
import { LiveSocket, socketUrl } from "./lib/socket.js";
import { Draft } from "./models/draft.js";
import { GridEdits } from "./models/grid_edits.js";
import { RunWatch } from "./models/run_watch.js";

const page = readData("page-data")
const draft = new Draft({ title: page.experiment.title, scope: page.experiment.scope, spec: page.spec }, page.limits)

function connectEditor() {
  connectTexts(draft)
  connectInputs(draft)
  const settings = connectSettings(draft, page)
  connectPlaceholders(draft)
  const grid = connectExamples()
  const costs = connectCosts(draft, grid, page.urls.examples)
  const exact = new ExactPrompt()
  const bar = new ContextBar()
  new Preview(draft, page.urls.render, {
    onRendered: (prompt) => [costs, bar, exact].forEach((part) => part.show(prompt)),
    onRefused: (message) => [costs, bar, exact].forEach((part) => part.refuse(message)),
  })
  connectSaving(draft, page)
  return { settings, grid }
}

function connectExamples() {
  const edits = new GridEdits(draft)
  const grid = new ExampleGrid(draft, edits)
  const dialog = new ImportDialog(draft, edits, page.urls)
  connectShots(draft)
  connectUndo(edits)
  connectPaste(draft, edits, (text) => dialog.open(text))
  connectDrop((file) => dialog.openFile(file))
  connectDownload(draft)
  return grid
}

function connectRuns({ settings, grid }) {
  const answer = new AnswerPanel()
  const socket = new LiveSocket(socketUrl(page.urls.socket, location), {
    onState: (state) => answer.showConnection(state),
    onError: (frame) => answer.complain(frame.message),
  })
  const runs = new RunWatch({ socket, read: (id) => requestJson("GET", `/runs/${id}/`), user: page.user.name })
  runs.addEventListener("change", ({ detail }) => answer.apply(detail.buffer, detail.change))
  const wish = new ModelWish({ draft, url: page.urls.experiment, asked: () => lookSoon() })
  const show = (models) => [settings, wish].forEach((part) => part.showModels(models))
  const lookSoon = keepModelsFresh(page.urls.models, show, runs)
  new RunButton({ draft, runs, url: page.urls.runs, answer })
  connectHistory(runs, answer)
  connectKeeping(draft, runs, grid, answer)
  window.addEventListener("online", () => socket.hurry())
  socket.connect()
  if (page.last_run) runs.show(page.last_run)
}

connectRuns(connectEditor())
