import { expect, it } from 'vitest'

import { resolvedTheme } from './theme'

it('is light until somebody says otherwise', () => {
  expect(resolvedTheme.value).toBe('light')
})
