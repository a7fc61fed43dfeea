// The other half of the experiment page: runs, their answers, and the history.

import { AnswerStrip } from "../controllers/answer_strip.js";
import { connectBranches } from "../controllers/branches.js";
import { Comparisons } from "../controllers/comparisons.js";
import { RunHistory } from "../controllers/history.js";
import { connectKeeping } from "../controllers/keep_answer.js";
import { keepModelsFresh } from "../controllers/model_states.js";
import { ModelWish } from "../controllers/model_wish.js";
import { Others } from "../controllers/others.js";
import { PageRights } from "../controllers/page_rights.js";
import { connectReceipts } from "../controllers/receipt.js";
import { Restore } from "../controllers/restore.js";
import { PublishDialog } from "../controllers/publish_dialog.js";
import { RunControls } from "../controllers/run_controls.js";
import { RunDifference } from "../controllers/run_difference.js";
import { RunSettings } from "../controllers/run_settings.js";
import { connectShading } from "../controllers/shading.js";
import { VersionDifference } from "../controllers/version_difference.js";
import { Versions } from "../controllers/versions.js";
import { byId } from "../lib/dom.js";
import { requestJson } from "../lib/http.js";
import { TabMemory } from "../lib/tab_memory.js";
import { commands } from "../models/commands.js";
import { RunWatch } from "../models/run_watch.js";
import { LIVE } from "../models/token_buffer.js";
import { versionName } from "../models/version_list.js";

/** `editor` is what connectEditor returns. Returns { open(run), hear(news), parts, strip }, where the parts hear of the connection. */
export function connectAnswers({ draft, page, editor, socket, room }) {
  Object.assign(socket, {
    onState: (state) => parts.forEach((part) => part.showConnection(state)),
    onError: (frame) => answers.complain(frame.message),
    onRights: (frame) => {
      rights.show(frame)
      room.allow(frame.may_edit)
      answers.showRights(frame)
    },
  })
  const rights = new PageRights(page, { isSwitched: true })
  const runs = new RunWatch({ socket, read: readRun, user: page.user.id })
  const memory = (name) => new TabMemory(`${name} ${page.experiment.id}`)
  const answers = new AnswerStrip({ runs, memory: memory("answers"), mayRun: page.may_run })
  const parts = [answers, rights]
  connectModels({ draft, page, editor, runs })
  new RunControls({ draft, runs, url: page.urls.runs, answers })
  connectCards({ draft, page, editor, runs, answers })
  const history = connectHistory({ draft, page, runs, answers, memory: memory("restored"), room })
  const others = new Others({ runs, answers, history, url: page.urls.history })
  room.addEventListener("arrived", () => others.look().catch(() => {})) // offline again: the next arrival looks
  window.addEventListener("online", () => socket.hurry())
  window.addEventListener("offline", () => socket.drop())
  socket.connect()
  const isOwnOrEnded = ({ status, user_id: user }) => user === page.user.id || !LIVE.has(status)
  answers.restore(page.history.runs.find(isOwnOrEnded)?.id) // what others are writing comes with a look
  return { parts, strip: answers, hear: (news) => others.hear(news), open: (run) => answers.open(run).catch((error) => answers.complain(error.message)) }
}

function connectModels({ draft, page, editor, runs }) {
  const wish = new ModelWish({ draft, url: page.urls.experiment, asked: () => lookSoon() })
  const show = (models) => [editor, wish].forEach((part) => part.showModels(models))
  const lookSoon = keepModelsFresh(page.urls.models, show, runs)
}

/** What each card offers beside its text. */
function connectCards({ draft, page, editor, runs, answers }) {
  new RunSettings({ draft, exact: editor.exact, complain: (message) => answers.complain(message) })
  connectKeeping(draft, editor.grid, runs)
  const { repeat } = connectBranches({ runs, url: page.urls.runs, draft, answers })
  connectReceipts({ show: (run) => answers.open(run), repeat, user: page.user.id })
  connectShading(commands)
}

function connectHistory({ draft, page, runs, answers, memory, room }) {
  const history = new RunHistory({ url: page.urls.history, newest: page.history, runs, answers })
  const restore = new Restore({ draft, memory })
  const difference = new RunDifference()
  const on = (source, name, act) =>
    source.addEventListener(name, ({ detail }) => act(detail).catch((error) => answers.complain(error.message)))
  on(history, "open", ({ run }) => answers.open(run))
  on(history, "deleted", ({ run }) => answers.drop(run))
  on(history, "compare", async (detail) => difference.show(await Promise.all(detail.runs.map(readRun))))
  for (const source of [history, answers]) on(source, "restore", async ({ run }) => restore.put(await readRun(run)))
  const versionDifference = new VersionDifference()
  connectVersions({ draft, page, history, restore, on, room, difference: versionDifference })
  room.addEventListener("merged", ({ detail }) => restore.offer(detail.before, "What others changed meanwhile is put together with what you wrote."))
  connectComparisons({ draft, page, restore })
  const found = location.hash.match(/^#run-([0-9a-f-]{36})$/)?.[1] // from the search
  if (found) answers.open(found).catch((error) => answers.complain(error.message))
  return history
}

/** A column that was opened as the draft comes over in the memory of the tab. */
function connectComparisons({ draft, page, restore }) {
  new Comparisons({ draft, url: page.urls.comparisons })
  const memory = new TabMemory(`brought ${page.experiment.id}`)
  const brought = memory.read()
  memory.keep(null)
  if (brought) restore.putSpec({ ...brought.spec, input: draft.spec.input }, brought.words)
}

function connectVersions({ draft, page, history, restore, on, room, difference }) {
  const versions = new Versions({ draft, url: page.urls.versions })
  on(versions, "runs", async ({ version }) => history.showVersion(version))
  const side = async (version) =>
    version ? { title: versionName(version), spec: await readSpec(version.id) } : { title: "the draft, as it is now", spec: draft.spec }
  if (byId("publish")) { // only for those who may edit
    const publish = new PublishDialog({ url: page.urls.published, room, done: () => versions.refresh() })
    on(versions, "publish", ({ version }) => publish.open(version))
  }
  on(versions, "compare", async ({ versions: pair }) => difference.show(...(await Promise.all(pair.map(side)))))
  on(versions, "restored", async ({ version, number }) => restore.putSpec(version.spec, `Version ${number} is in the editor.`))
}

const readRun = async (id) => (await requestJson("GET", `/runs/${id}/`)).run
const readSpec = async (id) => (await requestJson("GET", `/versions/${id}/`)).version.spec
