// The experiment page: makes the parts and connects them. Parts do not know each other.

import { CodeDialog } from "./controllers/code_dialog.js";
import { connectPageCommands } from "./controllers/page_commands.js";
import { ShareDialog } from "./controllers/share_dialog.js";
import { connectRoom } from "./controllers/live_draft.js";
import { connectReading } from "./controllers/reading.js";
import { connectAnswers } from "./experiment/answers.js";
import { connectDiscussion } from "./experiment/discussion.js";
import { connectEditor } from "./experiment/editor.js";
import { connectPresence } from "./experiment/presence.js";
import { byId, readData } from "./lib/dom.js";
import { LiveSocket, socketUrl } from "./lib/socket.js";
import { commands } from "./models/commands.js";
import { Draft } from "./models/draft.js";

const page = readData("page-data")
const { title, scope, inputs } = page.experiment
const draft = new Draft({ title, scope, inputs, spec: page.spec }, page.limits)

const socket = new LiveSocket(socketUrl(page.urls.socket, location))
const room = connectRoom({ draft, page, socket })

const answers = connectAnswers({ draft, page, socket, room, editor: connectEditor(draft, page, room) })
const discussion = connectDiscussion({ draft, page, openRun: answers.open })
answers.parts.push(discussion)
const news = { comment: (frame) => discussion.hear(frame), run: (frame) => answers.hear(frame) }
socket.onNote = (frame) => news[frame.kind]?.(frame)
connectReading(room, draft)
connectPresence({ draft, page, room, answers: answers.strip })
connectPageCommands(draft, page.models)
new CodeDialog()
if (byId("share")) new ShareDialog(commands) // only for those who may edit
