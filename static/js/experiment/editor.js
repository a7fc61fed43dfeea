// The editor's half of the experiment page: everything that changes the draft, and what is said about it while it changes.

import { ContextBar } from "../controllers/context_bar.js";
import { connectDownload } from "../controllers/download_button.js";
import { connectCosts } from "../controllers/example_costs.js";
import { ExampleGrid } from "../controllers/example_grid.js";
import { ExactPrompt } from "../controllers/exact_prompt.js";
import { connectDrop } from "../controllers/file_drop.js";
import { connectFork } from "../controllers/fork.js";
import { connectUndo } from "../controllers/grid_note.js";
import { connectPaste } from "../controllers/grid_paste.js";
import { ImportDialog } from "../controllers/import_dialog.js";
import { connectInputs } from "../controllers/input_fields.js";
import { NextToken } from "../controllers/next_token.js";
import { connectPlaceholders } from "../controllers/placeholders.js";
import { Presets } from "../controllers/presets.js";
import { Preview } from "../controllers/preview.js";
import { ScoreText } from "../controllers/score_text.js";
import { connectSettings } from "../controllers/settings_panel.js";
import { connectShots } from "../controllers/shots_slider.js";
import { connectTags } from "../controllers/tags.js";
import { connectTestInputs } from "../controllers/test_inputs.js";
import { connectInstruction, connectTexts } from "../controllers/texts.js";
import { byId } from "../lib/dom.js";
import { commands } from "../models/commands.js";
import { GridEdits } from "../models/grid_edits.js";

/** Returns the parts that others need: the exact prompt, the grid, and those that show the state of models. */
export function connectEditor(draft, page, room) {
  connectTexts(draft)
  connectInstruction(draft)
  connectInputs(draft)
  connectTestInputs(draft, { commands, most: page.limits.test_inputs })
  const settings = connectSettings(draft, page)
  new Presets({ draft, url: page.urls.presets, presets: page.presets })
  connectPlaceholders(draft)
  const { grid, dialog } = connectExamples(draft, page)
  connectDrop((file) => draft.isClosed || dialog.openFile(file))
  const exact = connectPreview(draft, page, grid)
  connectFork(draft, room)
  if (page.may_edit) connectTags(page, commands)
  const score = new ScoreText({ draft, url: page.urls.score, models: page.models })
  const next = new NextToken({ draft, url: page.urls.next_token, models: page.models })
  return { exact, grid, showModels: (models) => [settings, score, next].forEach((part) => part.showModels(models)) }
}

/** The grid of examples with all that fills it; for every page with a draft. */
export function connectExamples(draft, page) {
  const edits = new GridEdits(draft)
  const grid = new ExampleGrid(draft, edits)
  const dialog = new ImportDialog(draft, edits, page.urls)
  connectShots(draft)
  connectUndo(edits)
  connectPaste(draft, edits, (text) => dialog.open(text))
  connectDownload(draft)
  return { grid, dialog }
}

function connectPreview(draft, page, grid) {
  const costs = connectCosts(draft, grid, page.urls.examples)
  const exact = new ExactPrompt({ opened: () => preview.refresh() })
  const bar = new ContextBar({ acts: contextActs(draft), goTo: (part, index) => goTo(draft, part, index) })
  const preview = new Preview(draft, page.urls.render, {
    wantsTokens: () => exact.wantsTokens,
    onRendered: (prompt) => [costs, bar, exact].forEach((part) => part.show(prompt)),
    onRefused: (message) => [costs, bar, exact].forEach((part) => part.refuse(message)),
  })
  return exact
}

/** What the buttons beside the bar do. */
export const contextActs = (draft) => ({
  drop: () => draft.dropLastShot(),
  reserve: (count) => draft.rewrite(({ spec }) => (spec.settings.max_new_tokens = count)),
  trim: () => draft.trimEnds(),
})

/** From a part of the context bar to the box it comes from; a format has none. */
export function goTo(draft, part, index) {
  const boxes = {
    instruction: () => byId("instruction"),
    shot: () => document.querySelector(`#grid-rows [data-id="${CSS.escape(draft.placed[index]?.id)}"] textarea`),
    input: () => document.querySelector("#inputs textarea"),
    reserved: () => byId("max_new_tokens"),
  }
  boxes[part]?.()?.focus()
}
