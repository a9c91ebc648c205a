/** `dpbench doctor`: whether controller and hypervisors have what a config needs, and what to do where they have not. */
export { type Diagnosis, type DoctorOptions, diagnose, exitCodeOf } from './diagnose.ts'
export { type Finding, type Judgement, type Status, fault, notApplicable, ok, warning } from './finding.ts'
export { fix, repairsOf, showRepairs } from './fix.ts'
export { renderJson, renderText } from './render.ts'
export { revert } from './revert.ts'
