/**
 * Enhanced authentication of MQTT 5: methods whose steps are exchanged in AUTH packets. User names, passwords and
 * certificates are the business of the broker's `Authenticator`.
 */

import type { Principal } from "@polylog/broker";
import type { Credentials } from "@polylog/broker/access";

export interface AuthenticationMethods {
  /** Begins an exchange; undefined: the method is not offered. */
  begin(method: string, credentials: Credentials): Authentication | undefined;
}

/** One exchange. `step` is called with what the client sent, first the data of its CONNECT or of the AUTH that began it. */
export interface Authentication {
  readonly method: string;
  step(data: Buffer | undefined): AuthenticationStep | Promise<AuthenticationStep>;
}

export type AuthenticationStep =
  | { readonly type: "continue"; readonly data: Buffer | undefined }
  /** `data` goes out with the last packet. */
  | { readonly type: "done"; readonly principal: Principal; readonly data: Buffer | undefined }
  | { readonly type: "refused"; readonly reason: string };
