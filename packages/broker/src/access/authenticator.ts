/**
 * Who somebody is. Protocol servers hand over what a peer said of itself and go on with the principal they are given, or
 * refuse the peer in their protocol's words. What a principal may do is `Access`.
 */

import { anonymous, type Principal } from "./access.ts";

/** What a peer shows. It shows nothing when there is neither a user name nor a certificate: it is anonymous then. */
export interface Credentials {
  /** Of MQTT; empty elsewhere, and where the server is to assign one. */
  readonly clientId: string;
  readonly userName?: string | undefined;
  /** Read before `authenticate` returns, or copied. */
  readonly password?: Uint8Array | undefined;
  /** `address:port`. */
  readonly remote: string;
  /** Common name of the certificate with which the peer has proved itself in TLS. */
  readonly certificateName?: string | undefined;
}

export interface AuthenticationRefusal {
  /** `credentials`: wrong or missing. `busy`: too many are being checked; the peer may try again. */
  readonly refused: "credentials" | "busy";
}

export type AuthenticationResult = Principal | AuthenticationRefusal;

export interface Authenticator {
  /** A promise where checking takes long; protocols read no further from the peer until then. Never rejects or throws. */
  authenticate(credentials: Credentials): AuthenticationResult | Promise<AuthenticationResult>;
}

export function isRefusal(result: AuthenticationResult): result is AuthenticationRefusal {
  return "refused" in result;
}

/** Without users: whoever comes is anonymous, and what it says of itself is not looked at. */
export const admitEverybody: Authenticator = { authenticate: () => anonymous };
