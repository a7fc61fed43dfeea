// The page of a team's API keys.

import { connectApiKeys } from "./controllers/api_keys.js";

connectApiKeys()
