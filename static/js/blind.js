// The page of blind votes: makes the parts and connects them.

import { BlindBooth } from "./controllers/blind_booth.js";
import { BlindEnd } from "./controllers/blind_end.js";
import { readData } from "./lib/dom.js";
import { BallotBox } from "./models/ballot_box.js";
import { commands } from "./models/commands.js";

const { ballots, urls } = readData("page-data")
const box = new BallotBox(ballots.pairs)
const end = new BlindEnd({ box, urls, again: () => booth.undo() })
const booth = new BlindBooth({ box, urls, commands, finished: () => end.show(), nothing: ballots.same })
booth.draw()
