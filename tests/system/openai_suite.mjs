// A suite of calls with the official client; prints what came of each as JSON.

import OpenAI from "openai"

const { BASE, KEY, MODEL } = process.env
const client = new OpenAI({ baseURL: BASE, apiKey: KEY, maxRetries: 0 })
const messages = [{ role: "user", content: "What is the capital of Japan?" }]
const asked = { model: MODEL, messages, temperature: 0, max_tokens: 20 }
const long = { ...asked, max_tokens: 1000, ignore_eos: true }
const refusal = (promise) => promise.then(() => ({}), (error) => error)

const models = (await client.models.list()).data.filter(({ owned_by }) => owned_by === "fewshot").map((model) => model.id)
const whole = (await client.chat.completions.create(asked)).choices[0].message.content

let streamed = ""
let usage = 0
for await (const piece of await client.chat.completions.create({ ...asked, stream: true, stream_options: { include_usage: true } })) {
  streamed += piece.choices[0]?.delta.content ?? ""
  usage = piece.usage?.total_tokens ?? usage
}

const prompt = "The capital of Japan is"
const scored = await client.completions.create({ model: MODEL, prompt, echo: true, logprobs: 1, max_tokens: 0 })
const stranger = new OpenAI({ baseURL: BASE, apiKey: "fs-nobody", maxRetries: 0 })

const stream = await client.chat.completions.create({ ...long, stream: true })
let hungUp = false
for await (const piece of stream) {
  if (piece.choices[0].delta.content) break // leaving the loop closes the connection
}
hungUp = true

console.log(JSON.stringify({
  models,
  whole,
  streamed,
  usage,
  scored: scored.choices[0].logprobs.tokens.length,
  "wrong key": (await refusal(stranger.models.list())).status,
  "unknown parameter": (await refusal(client.chat.completions.create({ ...asked, tools: [{}] }))).param,
  "gave up": (await refusal(client.chat.completions.create(long, { timeout: 300 }))) instanceof OpenAI.APIConnectionTimeoutError,
  "hung up": hungUp,
}))
