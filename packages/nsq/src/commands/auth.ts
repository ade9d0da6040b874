/** AUTH: no authorisation server is configured, as in an nsqd without one. */

import { nsqWireErrors } from "@polylog/nsq-wire";
import type { Command } from "./command.ts";

export const auth: Command = {
  carryOut: () => {
    throw nsqWireErrors.AUTH_DISABLED();
  },
};
