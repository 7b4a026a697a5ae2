// Works through a list, so many at once, and tells how far it is.

/** The rows of all items in their order; `work(context, item)` makes one, of which `columns` are told as they come. */
export async function each(context, items, atOnce, work, columns = 5) {
  const rows = []
  const queue = [...items.entries()]
  const worker = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      const [place, item] = next
      rows[place] = await work(context, item)
      const told = Object.values(rows[place]).slice(0, columns).join(', ')
      console.error(`${rows.filter(Boolean).length} of ${items.length}: ${told}`)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return rows
}
