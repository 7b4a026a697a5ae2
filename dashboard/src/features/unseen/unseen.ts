// What the rig does not see, in words: a playlist that it did not read, a way past it, media that nothing declared, a client
// that it cannot tell from others.
//
// Invariant: each says what follows and what to do about it, in the same words whether a row tells it or the session has it.
// What is still so, the rig itself says (`session.unseen`).

import type { ControlRow, PlayerRecord } from '@/api/schema'
import { infoOf } from '@/features/live/info'

export const UNSEEN_EVENTS = [
  'origin_left',
  'playlist_unread',
  'request_unread',
  'playlists_unknown',
  'client_ambiguous',
] as const
export type UnseenEvent = (typeof UNSEEN_EVENTS)[number]

/** What the one mark means, wherever it stands. */
export const UNSEEN_TITLE = 'The rig does not see everything here'

export interface Unseen {
  event: UnseenEvent
  text: string
  /** What follows, and what to do. */
  advice: string
  /** The line of configuration that mends it. */
  setting?: string
}

interface Info {
  host?: string
  setting?: string
  path?: string
  reason?: string
  sessions?: number
}

type Words = Pick<Unseen, 'text' | 'advice' | 'setting'>

const WORDS: Record<UnseenEvent, (info: Info) => Words> = {
  origin_left: leftWords,
  playlist_unread: ({ path = 'A playlist', reason = '' }) => ({
    text: `${path} looks like a playlist and was not read: ${reason}.`,
    advice: `What it names is not known: kinds are guessed, rules on rungs do not fire, and its URLs may lead past the rig. ${remedy(reason)}`,
  }),
  request_unread: ({ reason = 'nobody knows why' }) => ({
    text: `Something came on the session’s port that could not be read as a request: ${reason}.`,
    advice: 'It was answered with an error of the rig’s own, and is in no list. Look at what the player sends.',
  }),
  playlists_unknown: ({ path = 'Media' }) => ({
    text: `${path} was asked for before any playlist of this session.`,
    advice:
      'Kinds are guessed and rungs are not known until the player fetches its playlists again: load the stream anew in the player.',
  }),
  client_ambiguous: ({ path = 'something', sessions }) => ({
    text: `A client that names no player asked for ${path}, which ${sessions ?? 'several'} sessions declare.`,
    advice: 'It counts as a player of its own. Give each player its name in the first URL: player_id=NAME.',
  }),
}

/** What a reason calls for; the first that fits. */
const REMEDIES: readonly (readonly [RegExp, string])[] = [
  [/MiB/, 'Have the origin send a shorter one.'],
  [/content coding/, 'Have the origin send it without that coding, or in gzip, deflate, br or zstd.'],
  [/does not unpack/, 'Its body is not in the coding that its header names: mend that at the origin.'],
  [/only bytes/, 'Have the player ask for the whole of it, without a range.'],
  [/broke off/, 'The origin did not send all of it: look at the origin, then load the stream anew.'],
  [/character encoding/, 'Have the origin send it in UTF-8.'],
  [/well-formed|JSON/, 'Mend it at the origin.'],
  [/external entity/, 'Have the origin write the text into it.'],
  [
    /too long after its head/,
    'Have the origin begin its body with its head, or name it as a playlist in its Content-Type.',
  ],
]

/** What a row says that the rig does not see. */
export function unseenOf(row: ControlRow): Unseen | undefined {
  return inWords(row.event ?? '', infoOf<Info>(row))
}

/** What the rig does not see of a player now, the newest first. */
export function unseenOfPlayer({ session }: PlayerRecord): Unseen[] {
  return (session?.unseen ?? []).flatMap(({ event, info }) => inWords(event, info as Info) ?? []).toReversed()
}

function inWords(name: string, info: Info): Unseen | undefined {
  const event = UNSEEN_EVENTS.find((known) => known === name)
  return event === undefined ? undefined : { event, ...WORDS[event](info) }
}

function leftWords({ host = 'another host', setting = '' }: Info): Words {
  const text = `Requests to ${host} go past the rig: a playlist or a redirect leads there.`
  if (setting.startsWith('--')) {
    return { text, advice: 'To keep them at the rig, start it with this as well:', setting }
  }
  const why = setting === '' ? 'its address names no origin that the rig could ask' : setting
  return { text, advice: `No setting keeps them at the rig: ${why}.` }
}

function remedy(reason: string): string {
  return REMEDIES.find(([pattern]) => pattern.test(reason))?.[1] ?? 'Look at what the origin sent, and mend it there.'
}
