// The one door to the shapes of the API: everybody imports names from here.
// `npm run gen` writes them from the two OpenAPI documents.

import type { components as archive } from './archive.gen'
import type { components as proxy } from './proxy.gen'

type Proxy = proxy['schemas']
type Archive = archive['schemas']

export type Info = Proxy['Info']
export type OriginView = Proxy['OriginView']
export type KnobView = Proxy['KnobView']
export type FaultFact = Proxy['FaultFact']
export type KnobMeans = Proxy['KnobMeans']
export type LinkBackend = Proxy['LinkBackend']
export type PlayerRecord = Proxy['PlayerRecord']
export type PlayerCreate = Proxy['PlayerCreate']
export type PlayerMetrics = Proxy['PlayerMetrics']
export type LinkView = Proxy['LinkView']
export type LeftOut = Proxy['LeftOut']
export type Shape = Proxy['Shape']
export type Conditions = Proxy['Conditions']
export type ShapeControl = Proxy['ShapeControl']
export type PresetView = Proxy['PresetView']
export type Pattern = Proxy['Pattern']
export type PatternStep = Proxy['PatternStep']
export type PatternTemplate = Proxy['PatternTemplate']
export type PatternView = Proxy['PatternView']
export type TraceView = Proxy['TraceView']
export type TraceDetail = Proxy['TraceDetail']
export type TraceStep = Proxy['TraceStep']
export type TraceFormat = Proxy['TraceFormat']
export type TransportFault = Proxy['TransportFault']
export type TransportView = Proxy['TransportView']
export type Variant = Proxy['Variant']
export type Rule = Proxy['Rule']
export type RuleCounters = Proxy['RuleCounters']
export type Mode = Proxy['Mode']
export type Filter = Proxy['Filter']
export type RequestKind = Proxy['RequestKind']
export type Problem = Proxy['Problem']
export type PlayerDeleted = Proxy['PlayerDeleted']
export type SessionPortView = Proxy['SessionPortView']
export type Presentation = Proxy['Presentation']
export type PresentationRole = Proxy['PresentationRole']
export type RungPosition = Proxy['RungPosition']
export type Remark = Proxy['Remark']
export type FeedRecord = Proxy['Record']
export type Exchange = Proxy['Exchange']
export type Sample = Proxy['Sample']
export type PlayerLink = Proxy['PlayerLink']
export type LinkMetrics = Proxy['LinkMetrics']

export type Severity = Archive['Severity']
export type LabelView = Archive['LabelView']
export type EventRow = Archive['EventRow']
export type NetworkRow = Archive['NetworkRow'] & Beyond
export type ControlRow = Archive['ControlRow']

/** What a row says beyond the request itself; rows from before it was told lack it. */
interface Beyond {
  /** `declared` or `guessed`. */
  known?: string
  presentation_path?: string
  presentation_role?: string
  remarks?: string[]
  playlist_unread?: string
}
