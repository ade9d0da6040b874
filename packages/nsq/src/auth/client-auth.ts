/** A secret that a connection gave with AUTH, and what it may do. */

import type { Authorizations } from "./authorizations.ts";

export interface ClientAuth {
  readonly secret: Buffer;
  readonly authorizations: Authorizations;
  /** On the monotonic clock. */
  readonly expiresAtMs: number;
  /** The topic that a publish was allowed to last, so that a publisher costs one comparison. */
  publishesTo: string | undefined;
}
