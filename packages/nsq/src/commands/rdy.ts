/** RDY: the ceiling of what is in flight to this client. Ignored, whatever its parameter, after CLS. */

import { decodeRdy } from "@polylog/nsq-wire";
import type { Client } from "../connection/client.ts";
import { connectionStates } from "../connection/connection-state.ts";
import type { Command } from "./command.ts";

export const rdy: Command = { carryOut };

function carryOut(client: Client): boolean {
  if (client.state === connectionStates.closing) return true;
  client.delivery!.setReady(decodeRdy(client.reader, client.context.limits));
  return true;
}
