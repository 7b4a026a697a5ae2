// What runs inside the page: one of the players on the video element, and a watch on how it plays.
//
// Each player has the configuration it comes with. The watch begins when the picture has moved for a while, and looks
// ten times a second; what the player says of itself is kept as it says it. Judging is for others.

const LOOK_MS = 100
const STARTUP_MS = 2_000
/** Media that moves this much further than the clock was sought, not played. */
const JUMP_S = 0.5

/** How each player is started, how it tells of errors, and how it says which moment of the live stream is shown. */
const PLAYERS = {
  'hls.js': async (video, url, watch) => {
    await script('/hls.js/dist/hls.js')
    const { Hls } = window
    const hls = new Hls()
    hls.on(Hls.Events.ERROR, (_name, { type, details, fatal, response }) => {
      watch.note(details + (response?.code ? ` ${response.code}` : ''), fatal)
      if (fatal && type === Hls.ErrorTypes.MEDIA_ERROR) watch.help('recoverMediaError()', () => hls.recoverMediaError())
    })
    hls.loadSource(url)
    hls.attachMedia(video)
    await video.play()
    return () => hls.playingDate?.getTime()
  },
  shaka: async (video, url, watch) => {
    await script('/shaka-player/dist/shaka-player.compiled.debug.js')
    const { shaka } = window
    shaka.log.setLevel(shaka.log.Level.NONE)
    const player = new shaka.Player()
    const { Code, Severity } = shaka.util.Error
    const name = (code) => Object.keys(Code).find((name) => Code[name] === code)
    const words = ({ code, data }) => `${code} ${name(code)}${code === Code.BAD_HTTP_STATUS ? ` ${data[1]}` : ''}`
    // A play that a newer load cut short is no news.
    const play = () => video.play().catch((error) => error.name === 'AbortError' || Promise.reject(error))
    const load = () => player.load(url).then(play)
    player.addEventListener('error', ({ detail }) => {
      const critical = detail.severity === Severity.CRITICAL
      watch.note(words(detail), critical)
      if (critical) watch.help('load()', load)
    })
    player
      .getNetworkingEngine()
      .addEventListener('retry', ({ error }) => error && watch.note(`retry after ${words(error)}`))
    await player.attach(video)
    await load()
    return () => player.getPlayheadTimeAsDate()?.getTime()
  },
  'dash.js': async (video, url, watch) => {
    await script('/dashjs/dist/modern/umd/dash.all.debug.js')
    const { dashjs } = window
    const player = dashjs.MediaPlayer().create()
    player.updateSettings({ debug: { logLevel: dashjs.Debug.LOG_LEVEL_NONE } })
    const { events } = dashjs.MediaPlayer
    player.on(events.ERROR, ({ error }) => watch.note(`${error.code ?? error}${status(error.data?.response)}`, true))
    player.on(events.PLAYBACK_ERROR, ({ error }) => watch.note(`MediaError ${error?.code}`))
    player.initialize(video, url, true)
    return () => player.timeAsUTC() * 1_000
  },
}

const status = (response) => (response?.status ? ` ${response.status}` : '')

function script(path) {
  return new Promise((resolve, reject) => {
    const element = Object.assign(document.createElement('script'), { src: `/packages${path}` })
    element.onload = resolve
    element.onerror = () => reject(new Error(`${path} cannot be loaded`))
    document.head.append(element)
  })
}

/** What was seen since the picture moved; times are milliseconds unless the name says otherwise. */
class Watch {
  errors = []
  helps = []
  stalls = []
  jumps = []
  begun = undefined
  still = 0

  constructor(video) {
    this.video = video
    this.last = { at: performance.now(), media: video.currentTime }
    this.restedAt = this.last.at
    setInterval(() => this.look(), LOOK_MS)
  }

  note(code, fatal = false) {
    this.errors.push({ code, fatal })
  }

  /** Does what the player's documentation asks of an application after a fatal error; not twice at a time. */
  help(name, act) {
    if (this.helping) return
    this.helping = true
    this.helps.push(name)
    const told = (error) => this.note(`${name} failed: ${error?.code ?? error}`, true)
    void Promise.resolve(act())
      .catch(told)
      .finally(() => (this.helping = false))
  }

  look() {
    const now = { at: performance.now(), media: this.video.currentTime }
    const moved = now.media - this.last.media
    const passed = now.at - this.last.at
    this.last = now
    const jumped = moved < 0 || moved > (passed / 1_000) * this.video.playbackRate + JUMP_S
    if (moved === 0 || jumped) this.restedAt = now.at
    if (!this.begun) {
      if (now.at - this.restedAt > STARTUP_MS) this.begun = now
    } else if (moved === 0) {
      this.still += passed
    } else {
      if (this.still > 0) this.stalls.push(Math.round(this.still))
      this.still = 0
      if (jumped) this.jumps.push(moved)
    }
  }

  seen() {
    const { begun, last, video } = this
    const stalls = [...this.stalls, Math.round(this.still)].filter((ms) => ms > 2 * LOOK_MS)
    const quality = video.getVideoPlaybackQuality()
    return {
      begun: begun !== undefined,
      /** Where it is in the media, and whether that is the end. */
      at: video.currentTime,
      ended: video.ended,
      wall_s: begun ? (last.at - begun.at) / 1_000 : 0,
      media_s: begun ? last.media - begun.media : 0,
      /** How long it has moved without a rest or a jump. */
      running: last.at - this.restedAt,
      /** The moment of the live stream that is shown, as the player says; since the epoch. */
      date: this.date?.(),
      now: Date.now(),
      stalls,
      jumps: this.jumps,
      errors: this.errors,
      helps: this.helps,
      dropped: quality.droppedVideoFrames,
      frames: quality.totalVideoFrames,
      height: video.videoHeight,
    }
  }
}

/** Starts the player of this name on the page's only video element. */
window.play = async (name, url) => {
  const video = document.querySelector('video')
  const watch = new Watch(video)
  window.seen = () => watch.seen()
  try {
    watch.date = await PLAYERS[name](video, url, watch)
  } catch (error) {
    if (error?.name !== 'AbortError') watch.note(`failed: ${error?.code ?? error}`, true)
  }
}
