/** Every verb's file, by the verb's number. */

import { commands, type Verb, verbs } from "@polylog/nsq-wire";
import type { Client } from "../connection/client.ts";
import { auth } from "./auth.ts";
import { cls } from "./cls.ts";
import type { Command } from "./command.ts";
import { dpub } from "./dpub.ts";
import { fin } from "./fin.ts";
import { identify } from "./identify.ts";
import { mpub } from "./mpub.ts";
import { nop } from "./nop.ts";
import { pub } from "./pub.ts";
import { rdy } from "./rdy.ts";
import { req } from "./req.ts";
import { sub } from "./sub.ts";
import { touch } from "./touch.ts";

const table: readonly (readonly [Verb, Command])[] = [
  [verbs.FIN, fin],
  [verbs.RDY, rdy],
  [verbs.PUB, pub],
  [verbs.MPUB, mpub],
  [verbs.DPUB, dpub],
  [verbs.REQ, req],
  [verbs.TOUCH, touch],
  [verbs.NOP, nop],
  [verbs.SUB, sub],
  [verbs.CLS, cls],
  [verbs.IDENTIFY, identify],
  [verbs.AUTH, auth],
];

const byVerb: (Command | undefined)[] = commands.map((_, verb) => table.find(([each]) => each === verb)?.[1]);

/** See `Command.carryOut`. The reader lets no unknown verb through. */
export function carryOut(client: Client, verb: Verb): boolean {
  return byVerb[verb]!.carryOut(client);
}

/** The reader's hook between a command's line and its body. */
export function mayReadBody(client: Client, verb: Verb): boolean {
  return byVerb[verb]!.beforeBody?.(client) ?? true;
}
