// What a remark of the rig says of an exchange, as a sentence. The API's documents are where the meanings come from.
//
// Invariant: every remark of the API has its sentence; one that is newer than this page is shown by its name.

import type { Remark } from '@/api/schema'
import { words } from '@/ui/format'

const SENTENCES: Record<Remark, string> = {
  identity_removed:
    'The parameters or the header by which the player names itself to the rig were not sent to the origin.',
  condition_removed:
    'The condition of the request was not sent to the origin, because the rig had to read the playlist.',
  not_modified_by_rig: 'The origin answered 200, and the player got its 304 because the validators match.',
  urls_rewritten: 'URLs in the playlist were made to lead to ports of the session.',
  location_rewritten: 'The Location of the redirect was made to lead to a port of the session.',
  coding_removed: 'The playlist was changed and went out without its content coding.',
  playlist_unread: 'The body looks like a playlist and was not read.',
  origin_left: 'It leads to an origin that the rig may not reach, so what follows goes past the rig.',
  cookie_domain_removed: 'A cookie lost its Domain, which the rig’s address does not belong to.',
  cookie_secure_removed: 'A cookie lost its Secure, because the player came over clear text.',
  cookie_not_kept:
    'A browser does not keep a cookie of this answer over clear text: SameSite=None, Partitioned, __Host- or __Secure-.',
  cookie_withheld: 'A cookie that another origin or another player’s session had set was not sent to the origin.',
  origin_restored:
    'The origin was told the real origin of the page that asks, where the browser knew only the rig’s address.',
  cors_rewritten: 'What the origin allows to pages was said for the origin that the browser named.',
  cors_refused: 'The origin does not let the page read this answer.',
  preflight_answered: 'The rig answered a preflight that the page would not have sent to the origin itself.',
  counted_before: 'A rule had decided this request before a redirect led here, and it was not counted again.',
  play_beside: 'The play it names was left less than a minute ago; the current one goes on.',
  certificate_not_verified: 'The origin’s certificate was not verified, as --origin-insecure asks.',
}

export function remarkSentence(remark: string): string {
  return remark in SENTENCES ? SENTENCES[remark as Remark] : `${words(remark)}.`
}
