/**
 * SIGTERM and Ctrl-C: the first asks for an orderly stop, a second one ends the process at once.
 *
 * A terminal sends SIGINT to every process in the foreground, and npm passes its own on: the same key press can arrive
 * twice. What comes within `echoMs` of the first is that echo, not a second wish.
 */

import type { Clock } from "@polylog/base/clock";

const echoMs = 500;

export type StopSignal = "SIGTERM" | "SIGINT";

/** Resolves with the first signal; exits the process on a later one, as the shell would report it. */
export function untilStopSignal(clock: Clock): Promise<StopSignal> {
  return new Promise((resolve) => {
    let firstAtMs: number | undefined;
    const onSignal = (signal: StopSignal) => {
      const nowMs = clock.monotonicMs();
      if (firstAtMs === undefined) {
        firstAtMs = nowMs;
        resolve(signal);
      } else if (nowMs - firstAtMs > echoMs) {
        process.exit(signal === "SIGINT" ? 130 : 143);
      }
    };
    process.on("SIGTERM", onSignal);
    process.on("SIGINT", onSignal);
  });
}

/** SIGHUP, for as long as the process lives. Without this call the signal ends it, as a closed terminal should. */
export function onReloadSignal(reload: () => void): void {
  process.on("SIGHUP", reload);
}
