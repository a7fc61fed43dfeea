// What every page has: theme, rail, keys of this platform, the search in the list.

import { connectRail } from "./controllers/rail.js";
import { connectSearch } from "./controllers/search.js";
import { connectTheme } from "./controllers/theme.js";

connectTheme()
connectRail()
connectSearch()
