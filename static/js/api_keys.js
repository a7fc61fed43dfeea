// The page of a team's API keys.

import { CodeDialog } from "./controllers/code_dialog.js";
import { connectApiKeys } from "./controllers/api_keys.js";

connectApiKeys()
new CodeDialog()
