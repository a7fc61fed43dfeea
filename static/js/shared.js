// The page behind a share link. It reads one document and asks the server for nothing, unless an answer is being written.

import { connectKeyboard } from "./controllers/keyboard.js";
import { connectShading } from "./controllers/shading.js";
import { SharedFollow } from "./controllers/shared_follow.js";
import { connectRuns } from "./controllers/shared_runs.js";
import { connectThemeSwitch } from "./controllers/theme_switch.js";
import { byId, readData } from "./lib/dom.js";
import { commands } from "./models/commands.js";

connectThemeSwitch(byId("theme-switch"))
connectShading(commands)
connectKeyboard(commands)
if (byId("shared-document")) {
  const { runs } = readData("shared-document")
  connectRuns(runs)
  const { follow } = document.querySelector(".shared-page").dataset
  if (follow) new SharedFollow(follow, runs)
}
