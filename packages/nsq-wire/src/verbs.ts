/**
 * The commands, numbered, and how a verb is found among them without making a string: its first two bytes point into
 * a table, then all of it is compared. Hot: runs for every command (`command-reader.bench.ts`).
 */

import type { CommandRow } from "./command-row.ts";
import { auth } from "./commands/auth.ts";
import { cls } from "./commands/cls.ts";
import { dpub } from "./commands/dpub.ts";
import { fin } from "./commands/fin.ts";
import { identify } from "./commands/identify.ts";
import { mpub } from "./commands/mpub.ts";
import { nop } from "./commands/nop.ts";
import { pub } from "./commands/pub.ts";
import { rdy } from "./commands/rdy.ts";
import { req } from "./commands/req.ts";
import { sub } from "./commands/sub.ts";
import { touch } from "./commands/touch.ts";

/** `unknown` is any word that is not a command. */
export const verbs = {
  unknown: 0,
  FIN: 1,
  RDY: 2,
  PUB: 3,
  MPUB: 4,
  DPUB: 5,
  REQ: 6,
  TOUCH: 7,
  NOP: 8,
  SUB: 9,
  CLS: 10,
  IDENTIFY: 11,
  AUTH: 12,
} as const;

export type Verb = (typeof verbs)[keyof typeof verbs];

const unknown: CommandRow = { name: "", body: "none" };

/** One row per verb, at its number. */
export const commands: readonly CommandRow[] = [
  unknown,
  fin,
  rdy,
  pub,
  mpub,
  dpub,
  req,
  touch,
  nop,
  sub,
  cls,
  identify,
  auth,
];

const names = commands.map((command) => Buffer.from(command.name, "latin1"));
const verbByStart = new Uint8Array(1024);
for (let verb = 1; verb < names.length; verb++) {
  const slot = slotOf(names[verb]!, 0);
  if (verbByStart[slot] !== 0) throw new Error(`two verbs begin like ${commands[verb]!.name}`);
  verbByStart[slot] = verb;
}

/** The verb in `bytes[start, end)`. Upper case only. */
export function findVerb(bytes: Uint8Array, start: number, end: number): Verb {
  const size = end - start;
  if (size < 3) return verbs.unknown;
  const verb = verbByStart[slotOf(bytes, start)]! as Verb;
  const name = names[verb]!;
  if (name.length !== size) return verbs.unknown;
  for (let i = 0; i < size; i++) if (bytes[start + i] !== name[i]) return verbs.unknown;
  return verb;
}

function slotOf(bytes: Uint8Array, start: number): number {
  return ((bytes[start]! & 31) << 5) | (bytes[start + 1]! & 31);
}
