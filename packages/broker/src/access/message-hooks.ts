/**
 * What a program that embeds the broker may do with each message and subscription of a client. Protocol servers look for
 * them in `Broker.hooks` after access was granted; without hooks that is one comparison.
 */

import type { Publication } from "../publication.ts";
import type { Principal } from "./access.ts";

export interface MessageHooks {
  /**
   * Before a message is appended and delivered. It is the server's own and changes after the call: copy what you keep. False:
   * the message is acknowledged and goes nowhere.
   */
  readonly onPublish?: (publication: Publication, principal: Principal) => boolean;
  /** Before a subscription is made. False: it is refused. */
  readonly onSubscribe?: (filter: string, principal: Principal) => boolean;
}
