// Puts a text on the clipboard, also where the page came over clear text from another machine and the browser keeps its
// clipboard API to itself.

/** Whether it is there now. */
export async function copyText(text: string): Promise<boolean> {
  // Absent outside secure contexts, whatever its type says.
  const clipboard = navigator.clipboard as Clipboard | undefined
  if (clipboard !== undefined) {
    const written = await clipboard.writeText(text).then(
      () => true,
      () => false,
    )
    if (written) return true
  }
  return copySelection(text)
}

function copySelection(text: string): boolean {
  const focused = document.activeElement
  const field = document.createElement('textarea')
  field.value = text
  field.setAttribute('readonly', '')
  field.style.cssText = 'position:fixed;opacity:0'
  document.body.append(field)
  field.select()
  try {
    return document.execCommand('copy')
  } catch {
    return false
  } finally {
    field.remove()
    if (focused instanceof HTMLElement) focused.focus({ preventScroll: true })
  }
}
