// Random UUIDs. `crypto.randomUUID` is there in secure contexts only, and a rig in a lab is plain HTTP.

export function newUuid(): string {
  return uuidOf(crypto.getRandomValues(new Uint8Array(16)))
}

/** The UUID of version 4 made of 16 random bytes. */
export function uuidOf(random: Uint8Array): string {
  const bytes = random.slice(0, 16)
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
