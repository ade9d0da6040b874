/**
 * What a verb may do in each state of a connection, as one table.
 *
 *     init ──SUB──▶ subscribed ──CLS──▶ closing          a fatal error, and the peer, lead to closed from anywhere
 *
 * A violation is answered with `E_INVALID cannot VERB in current state`, which is fatal. What is not in the table (a word
 * that is no command) is not the state's to judge.
 */

import { commands, nsqWireErrors, type Verb } from "@polylog/nsq-wire";

/** The numbers are nsqd's, as /stats shows them; its 2, connected, never shows there. */
export const connectionStates = { init: 0, closed: 1, subscribed: 3, closing: 4 } as const;
export type ConnectionState = (typeof connectionStates)[keyof typeof connectionStates];

export type Verdict = "allowed" | "ignored" | "violation";

const allowed = "allowed";
const ignored = "ignored";
const violation = "violation";

type StateName = Exclude<keyof typeof connectionStates, "closed">;

const table: Readonly<Record<string, Readonly<Record<StateName, Verdict>>>> = {
  IDENTIFY: { init: allowed, subscribed: violation, closing: violation },
  AUTH: { init: allowed, subscribed: violation, closing: violation },
  SUB: { init: allowed, subscribed: violation, closing: violation },
  RDY: { init: violation, subscribed: allowed, closing: ignored },
  FIN: { init: violation, subscribed: allowed, closing: allowed },
  REQ: { init: violation, subscribed: allowed, closing: allowed },
  TOUCH: { init: violation, subscribed: allowed, closing: allowed },
  CLS: { init: violation, subscribed: allowed, closing: violation },
  PUB: { init: allowed, subscribed: allowed, closing: allowed },
  MPUB: { init: allowed, subscribed: allowed, closing: allowed },
  DPUB: { init: allowed, subscribed: allowed, closing: allowed },
  NOP: { init: allowed, subscribed: allowed, closing: allowed },
};

/** By state's number, then by verb's. */
const verdicts: readonly (readonly Verdict[])[] = [0, 1, 2, 3, 4].map((state) =>
  commands.map(({ name }) => {
    const row = table[name];
    const stateName = (Object.keys(connectionStates) as (keyof typeof connectionStates)[]).find(
      (each) => connectionStates[each] === state,
    );
    return row === undefined || stateName === undefined || stateName === "closed" ? allowed : row[stateName];
  }),
);

export function verdictOn(state: ConnectionState, verb: Verb): Verdict {
  return verdicts[state]![verb]!;
}

/** Throws INVALID_STATE for a verb that is a violation in `state`. */
export function checkState(state: ConnectionState, verb: Verb): void {
  if (verdicts[state]![verb] === violation) throw nsqWireErrors.INVALID_STATE({ command: commands[verb]!.name });
}
