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
export type LinkBackend = Proxy['LinkBackend']
export type PlayerRecord = Proxy['PlayerRecord']
export type PlayerCreate = Proxy['PlayerCreate']
export type PlayerMetrics = Proxy['PlayerMetrics']
export type LinkView = Proxy['LinkView']
export type Shape = Proxy['Shape']
export type Variant = Proxy['Variant']
export type Rule = Proxy['Rule']
export type RuleCounters = Proxy['RuleCounters']
export type Mode = Proxy['Mode']
export type Filter = Proxy['Filter']
export type RequestKind = Proxy['RequestKind']
export type Problem = Proxy['Problem']
export type PlayerDeleted = Proxy['PlayerDeleted']
export type RuleFired = Proxy['RuleFired']

export type Severity = Archive['Severity']
export type LabelView = Archive['LabelView']
export type EventRow = Archive['EventRow']
export type NetworkRow = Archive['NetworkRow']
export type ControlRow = Archive['ControlRow']
