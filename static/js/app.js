// What every page has: theme, rail, the search in the list, stars, commands with their palette, keys and help.

import { connectDialogs } from "./controllers/dialogs.js";
import { connectHelp } from "./controllers/help.js";
import { connectKeyboard } from "./controllers/keyboard.js";
import { connectNavigation } from "./controllers/navigation.js";
import { Palette } from "./controllers/palette.js";
import { connectRail } from "./controllers/rail.js";
import { connectSearch } from "./controllers/search.js";
import { connectStars } from "./controllers/stars.js";
import { connectTheme } from "./controllers/theme.js";
import { connectUndo } from "./controllers/undo.js";
import { commands } from "./models/commands.js";

connectNavigation()
connectTheme()
connectRail()
connectSearch()
connectStars()
connectHelp(commands)
new Palette(commands)
connectDialogs()
connectUndo()
connectKeyboard(commands)
