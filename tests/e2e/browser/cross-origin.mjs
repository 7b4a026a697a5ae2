// Pages and cookies: what a page of another origin reads direct and through the rig, and which cookies each origin gets.
//
//   node cross-origin.mjs CHROMIUM ADDRESS PICTURES BASE HOME AWAY PAGE
//
// HOME and AWAY are origins, called `home` and `away` at the rig; PAGE is an empty page of another one.

import { withPage } from './chromium.mjs'

const [executable, , , base, home, away, address] = process.argv.slice(2)

const NAMED = [`grant=${address}`, `grant=${address}&with=1`, `grant=${home}&with=1`]
const GRANTS = ['', 'grant=asked', 'grant=asked&with=1', 'grant=*', 'grant=*&with=1', ...NAMED]

/** Every grant, with and without credentials, at home, after a redirect within it and after one to the other origin. */
function cases() {
  const all = []
  for (const grant of GRANTS) {
    for (const credentials of ['omit', 'include']) {
      const x = `/x?${grant}`
      for (const to of [undefined, x, away + x]) {
        const path = to === undefined ? x : `/go?grant=asked&with=1&to=${encodeURIComponent(to)}`
        all.push({ name: `${grant} ${credentials} ${to ?? 'home'}`, path, credentials })
      }
    }
  }
  return all
}

async function read(page, url, credentials) {
  return page.evaluate(
    ([url, credentials]) => {
      const answer = fetch(url, { credentials, cache: 'no-store' })
      return answer.then((answer) => answer.text()).catch(() => 'refused')
    },
    [url, credentials],
  )
}

async function visit(page) {
  await page.goto(address)
  const reads = []
  for (const { name, path, credentials } of cases()) {
    const direct = await read(page, home + path, credentials)
    const through = await read(page, `${base}/home${path}&player_id=reader`, credentials)
    reads.push({ name, direct, through })
  }

  const at = async (origin, player, path) => {
    const sign = path.includes('?') ? '&' : '?'
    const answer = await page.goto(`${base}/${origin}${path}${sign}player_id=${player}`)
    return answer.text()
  }
  const set = (cookie) => `/set?c=${encodeURIComponent(cookie)}`
  await at('home', 'one', set('one=home; Domain=cdn.test; Secure; Path=/'))
  await at('home', 'one', set('lost=1; SameSite=None; Secure; Path=/'))
  await at('home', 'one', set('below=1; Path=/below/'))
  await at('away', 'one', set('two=away; Path=/'))
  await at('home', 'two', set('three=home; Path=/'))
  const cookies = []
  for (const [origin, player, path] of [
    ['home', 'one', '/get'],
    ['home', 'one', '/below/get'],
    ['away', 'one', '/get'],
    ['home', 'two', '/get'],
    ['away', 'two', '/get'],
  ]) {
    cookies.push(await at(origin, player, path))
  }
  return { reads, cookies }
}

console.log(JSON.stringify(await withPage(executable, visit)))
