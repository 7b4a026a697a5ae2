// Every server a packaging is played from, by name; each is started on the folder it serves and a folder of its own.

import { find } from '../players/process.mjs'
import { Nginx } from './nginx.mjs'
import { Plain } from './plain.mjs'

export const SERVERS = [
  { name: 'nginx', start: Nginx.start, findMissing: () => (find('nginx') ? undefined : 'nginx is not installed') },
  { name: 'plain', start: Plain.start, findMissing: () => undefined },
]
