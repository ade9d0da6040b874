export { type Clock, spareTurn, systemClock, type Timer } from "./clock.ts";
export { ManualClock } from "./manual-clock.ts";
