// Every player: what it can play, where it begins, and one play of it.
//
// `play(url, { live, seconds, signal, folder, browser })` ends with the end of the media, after so many seconds of a live
// stream, with a failure, or when it is told to. It tells how far it came, and what it made of it as one text that is
// the same for the same media.

import { BROWSER_PLAYERS } from './browser.mjs'
import { FFMPEG } from './ffmpeg.mjs'
import { GSTREAMER } from './gstreamer.mjs'
import { VLC } from './vlc.mjs'

export const PLAYERS = [FFMPEG, GSTREAMER, VLC, ...BROWSER_PLAYERS]
