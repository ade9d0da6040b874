/**
 * Which web pages may use the server. A browser says in `Origin` whose page it acts for; programs send none. Without this
 * check any page that a user opens could talk to a server on the user's own machine.
 *
 * A page from the server's own address may, when that address is an IP address or `localhost`. A name is not enough: its
 * owner can let it point to this machine after the page was loaded (DNS rebinding). Names are to be allowed by the user.
 */

import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";

/** True without an origin, for pages from the server's own address, and for `allowed` ones (`https://console.example`). */
export function isOriginAllowed({ headers }: Pick<IncomingMessage, "headers">, allowed: readonly string[]): boolean {
  const { origin, host } = headers;
  if (origin === undefined || allowed.includes(origin)) return true;
  if (!URL.canParse(origin)) return false;
  const page = new URL(origin);
  return page.host === host && isOwnAddress(page.hostname);
}

function isOwnAddress(hostname: string): boolean {
  return hostname === "localhost" || isIP(hostname.replace(/^\[|\]$/g, "")) !== 0;
}
