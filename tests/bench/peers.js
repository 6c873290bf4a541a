// The dHash by sharp: grey, 9 by 8, each pixel against its left neighbour. node peers.js FOLDER WORKERS; see fresh.py.
'use strict'
const fs = require('node:fs')
const path = require('node:path')
const readline = require('node:readline')
const sharp = require('sharp')

const [folder, workers] = process.argv.slice(2)
sharp.cache(false)
sharp.concurrency(1)

async function hash(file) {
  try {
    const { data, info } = await sharp(file).greyscale().removeAlpha().resize(9, 8, { fit: 'fill' }).raw()
      .toBuffer({ resolveWithObject: true })
    const grey = (x, y) => data[(9 * y + x) * info.channels]
    let bits = 0n
    for (let y = 0; y < 8; y++) {
      for (let x = 0; x < 8; x++) bits = (bits << 1n) | (grey(x + 1, y) > grey(x, y) ? 1n : 0n)
    }
    return bits.toString(16).padStart(16, '0')
  } catch {
    return null
  }
}

async function all(files) {
  const answer = new Array(files.length)
  let next = 0
  const worker = async () => {
    while (next < files.length) {
      const place = next++
      answer[place] = await hash(files[place])
    }
  }
  await Promise.all(Array.from({ length: Number(workers) }, worker))
  return answer
}

async function main() {
  const files = fs.readdirSync(folder).sort().map((name) => path.join(folder, name))
  console.log('ready')
  await new Promise((resolve) => readline.createInterface({ input: process.stdin }).once('line', resolve))
  const before = process.cpuUsage()
  const started = process.hrtime.bigint()
  const answer = await all(files)
  const seconds = Number(process.hrtime.bigint() - started) / 1e9
  const used = process.cpuUsage(before)
  const rss = process.resourceUsage().maxRSS * 1024
  console.log(JSON.stringify({ seconds, cpu: (used.user + used.system) / 1e6, rss, answer }))
  process.exit(0)
}

main()
