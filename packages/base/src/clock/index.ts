export { type Clock, spareTurn, systemClock, type Timer } from "./clock.ts";
export { type HostClock, hostClock } from "./host-clock.ts";
export { ManualClock } from "./manual-clock.ts";
export { type ClockJump, SteadyClock } from "./steady-clock.ts";
