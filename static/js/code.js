// Pages of a team that offer code.

import { CodeDialog } from "./controllers/code_dialog.js";

new CodeDialog()
