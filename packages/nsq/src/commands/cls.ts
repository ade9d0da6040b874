/** CLS: no more messages, please. The client finishes what it has and closes; the server waits for that. */

import { closeWaitFrame, verbs } from "@polylog/nsq-wire";
import type { Client } from "../connection/client.ts";
import { connectionStates } from "../connection/connection-state.ts";
import type { Command } from "./command.ts";

export const cls: Command = { carryOut };

function carryOut(client: Client): boolean {
  client.delivery!.setReady(0);
  client.state = connectionStates.closing;
  client.answers.answer(verbs.CLS, closeWaitFrame);
  return true;
}
