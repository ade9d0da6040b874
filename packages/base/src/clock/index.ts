export { type Clock, systemClock, type Timer } from "./clock.ts";
export { ManualClock } from "./manual-clock.ts";
