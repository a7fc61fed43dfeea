// The experiment page: makes the parts and connects them. Parts do not know each other.

import { AnswerPanel } from "./controllers/answer_panel.js";
import { ContextBar } from "./controllers/context_bar.js";
import { ExactPrompt } from "./controllers/exact_prompt.js";
import { connectHistory } from "./controllers/history.js";
import { ExampleGrid } from "./controllers/example_grid.js";
import { connectInputs } from "./controllers/input_fields.js";
import { keepModelsFresh } from "./controllers/model_states.js";
import { ModelWish } from "./controllers/model_wish.js";
import { NextToken } from "./controllers/next_token.js";
import { Preview } from "./controllers/preview.js";
import { RunButton } from "./controllers/run_button.js";
import { connectSaving } from "./controllers/save_state.js";
import { ScoreText } from "./controllers/score_text.js";
import { connectSettings } from "./controllers/settings_panel.js";
import { connectTexts } from "./controllers/texts.js";
import { readData } from "./lib/dom.js";
import { requestJson } from "./lib/http.js";
import { LiveSocket, socketUrl } from "./lib/socket.js";
import { Draft } from "./models/draft.js";
import { RunWatch } from "./models/run_watch.js";

const page = readData("page-data")
const draft = new Draft({ title: page.experiment.title, scope: page.experiment.scope, spec: page.spec })

function connectEditor() {
  connectTexts(draft)
  connectInputs(draft)
  const settings = connectSettings(draft, page)
  const grid = new ExampleGrid(draft)
  const exact = new ExactPrompt()
  const bar = new ContextBar()
  new Preview(draft, page.urls.render, {
    onRendered: (prompt) => [grid, bar, exact].forEach((part) => part.show(prompt)),
    onRefused: (message) => [bar, exact].forEach((part) => part.refuse(message)),
  })
  connectSaving(draft, page)
  new ScoreText({ draft, url: page.urls.score })
  return [settings, new NextToken({ draft, url: page.urls.next_token, models: page.models })]
}

function connectRuns(parts) {
  const answer = new AnswerPanel()
  const socket = new LiveSocket(socketUrl(page.urls.socket, location), {
    onState: (state) => answer.showConnection(state),
    onError: (frame) => answer.complain(frame.message),
  })
  const runs = new RunWatch({ socket, read: (id) => requestJson("GET", `/runs/${id}/`), user: page.user.name })
  runs.addEventListener("change", ({ detail }) => answer.apply(detail.buffer, detail.change))
  const wish = new ModelWish({ draft, url: page.urls.experiment, asked: () => lookSoon() })
  const show = (models) => [...parts, wish].forEach((part) => part.showModels(models))
  const lookSoon = keepModelsFresh(page.urls.models, show, runs)
  new RunButton({ draft, runs, url: page.urls.runs, answer })
  connectHistory(runs, answer)
  window.addEventListener("online", () => socket.hurry())
  socket.connect()
  if (page.last_run) runs.show(page.last_run)
}

connectRuns(connectEditor())
