/**
 * Which web pages may use the server. A browser says in `Origin` whose page it acts for; programs send none. Without this
 * check any page that a user opens could talk to a server on the user's own machine.
 */

import type { IncomingMessage } from "node:http";

/** True without an origin, for pages from the server's own address, and for `allowed` ones (`https://console.example`). */
export function isOriginAllowed({ headers }: IncomingMessage, allowed: readonly string[]): boolean {
  const { origin, host } = headers;
  if (origin === undefined || allowed.includes(origin)) return true;
  return URL.canParse(origin) && new URL(origin).host === host;
}
