/** What a verb's file gives: how the command is carried out once it is there whole and its state allows it. */

import type { Client } from "../connection/client.ts";

export interface Command {
  /**
   * Carries out the command that `client.reader` stands on. False: it could not start; it has paused the client and is
   * called again when the client resumes. Throws coded errors, which become the command's answer.
   */
  readonly carryOut: (client: Client) => boolean;
  /** Called when the line is in order, before a byte of the body is waited for. Answers and throws as `carryOut`. */
  readonly beforeBody?: (client: Client) => boolean;
}
