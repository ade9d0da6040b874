export type { SeekPosition } from "../catalog/seek-position.ts";
export { offsetsOfPosition } from "../catalog/seek-position.ts";
export { filterMatchesTopic } from "../router/topic-rules.ts";
export { type FindOutcome, LogFollower, type LogFollowerOptions } from "./log-follower.ts";
