// The page of a team, for its owners.

import { connectInvitations } from "./controllers/invitations.js";
import { connectRoles } from "./controllers/roles.js";

connectRoles()
connectInvitations()
