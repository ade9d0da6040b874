/** NOP: the client is alive. That it was heard is noted for every command. */

import type { Command } from "./command.ts";

export const nop: Command = { carryOut: () => true };
