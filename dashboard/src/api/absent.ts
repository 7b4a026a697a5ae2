// What the API has no value for is left out or null; both mean the same.

export function isThere<T>(value: T | null | undefined): value is T {
  return value !== undefined && value !== null
}
