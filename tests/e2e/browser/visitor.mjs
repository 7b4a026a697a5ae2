// What a visitor of the page `testing-session` does and sees. Everything waits for the page to say so, none for time.

const PLAYS_WITHIN_MS = 10_000
const ADAPTS_WITHIN_MS = 45_000

export const at = (page, id) => page.getByTestId(id)

/** Opens the page and returns how many milliseconds later the video moves. */
export async function play(page, address) {
  const began = Date.now()
  await page.goto(`${address}/dashboard/v3/testing-session`)
  await page.waitForFunction(
    () => {
      const video = document.querySelector('[data-testid=player-video]')
      if (!video || video.paused || video.readyState < 3) return false
      window.firstTime ??= video.currentTime
      return video.currentTime > window.firstTime + 0.5
    },
    undefined,
    { timeout: PLAYS_WITHIN_MS },
  )
  return Date.now() - began
}

/** Arms `404` on one of every five video segments; returns the id of the rule. */
export async function armRule(page) {
  await at(page, 'rule-type').click()
  await at(page, 'rule-type-404').click()
  await at(page, 'rule-kind-segment').setChecked(true, { force: true })
  await at(page, 'rule-mode-requests').click()
  await at(page, 'rule-consecutive').fill('1')
  await at(page, 'rule-frequency').fill('5')
  await at(page, 'rule-add').click()
  return at(page, 'rule-row').getAttribute('data-rule-id')
}

/** The waterfall holds only the rows in sight: from now on, notes each as it appears. */
export async function watchRequests(page) {
  await page.evaluate(() => {
    const rows = new Map()
    const note = () => {
      for (const row of document.querySelectorAll('[data-testid=request-row]')) {
        const { id, kind, status, ruleId } = row.dataset
        rows.set(id, { id, kind, status: Number(status), rule_id: ruleId ?? '' })
      }
    }
    new MutationObserver(note).observe(document.body, { subtree: true, childList: true, attributes: true })
    note()
    window.segments = () => [...rows.values()].filter(({ kind }) => kind === 'segment')
  })
}

/** Waits until the rule struck so many video segments in the waterfall; returns every one noted there, struck or not. */
export async function segmentsStruck(page, ruleId, count) {
  await page.waitForFunction(
    ([ruleId, count]) => window.segments().filter(({ rule_id }) => rule_id === ruleId).length >= count,
    [ruleId, count],
    { timeout: ADAPTS_WITHIN_MS },
  )
  return page.evaluate(() => window.segments())
}

/** Sets the link's rate and returns what the page says is in force. */
export async function cap(page, mbps) {
  await at(page, 'rate-input').fill(String(mbps))
  await at(page, 'rate-input').press('Enter')
  return says(page, 'rate-in-force', 'value', String(mbps))
}

/** Waits until an element says so in one of its data attributes; returns what it said. */
export async function says(page, id, name, value) {
  const said = await page.waitForFunction(
    ([id, name, value]) => {
      const said = document.querySelector(`[data-testid="${id}"]`)?.dataset[name]
      return said === value ? said : undefined
    },
    [id, name, value],
  )
  return said.jsonValue()
}

/** Waits until the rung in the chart is between these; returns it. */
export async function plays(page, low, high) {
  const said = await page.waitForFunction(
    ([low, high]) => {
      const value = document.querySelector('[data-testid=value-rung]')?.dataset.value
      return value && Number(value) >= low && Number(value) <= high ? value : undefined
    },
    [low, high],
    { timeout: ADAPTS_WITHIN_MS },
  )
  return Number(await said.jsonValue())
}

/** Scrolls to the end; what the connection says there, if nothing lies over it and all of it is in the window. */
export function connection(page) {
  return at(page, 'connection').evaluate((element) => {
    scrollTo(0, document.documentElement.scrollHeight)
    const { left, right, top, bottom } = element.getBoundingClientRect()
    const inside = left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight && scrollY > 0
    const above = document.elementFromPoint((left + right) / 2, (top + bottom) / 2)
    return inside && element.contains(above) ? element.innerText.trim() : `not in view: ${left} ${top} ${right} ${bottom}`
  })
}
