// For tests/test_distribution.py: each line of input asks for the steps of one distribution, each line of output has
// the probability of every id after every step.

import { createInterface } from "node:readline"

import { Distribution } from "../../static/js/models/distribution.js"

for await (const line of createInterface({ input: process.stdin })) {
  const { halves, settings } = JSON.parse(line)
  const distribution = new Distribution(Uint16Array.from(halves).buffer)
  const steps = distribution.steps(settings).map(({ name, left, cut, entropy, probability }) => {
    const shares = Array(distribution.size).fill(0)
    for (let place = 0; place < left; place += 1) shares[distribution.ids[place]] = probability(place)
    return { name, left, cut, entropy, shares }
  })
  console.log(JSON.stringify({ greedy: distribution.greedy, steps }))
}
