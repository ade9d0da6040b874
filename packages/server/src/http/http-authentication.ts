/**
 * Who an HTTP request comes from, by HTTP Basic or a client certificate. One that is refused is answered here: 401, or 503
 * with Retry-After while too many passwords are being checked.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import { certificateNameOf } from "@polylog/base/transport";
import {
  type Access,
  type AuthenticationResult,
  type Authenticator,
  type Credentials,
  isRefusal,
  type Principal,
} from "@polylog/broker/access";
import { refuseUpgrade } from "./refuse-upgrade.ts";

type Refuse = (status: number, reason: string, header: readonly [name: string, value: string]) => void;

export class HttpAuthentication {
  readonly #authenticator: Authenticator;
  readonly #access: Access;

  constructor(authenticator: Authenticator, access: Access) {
    this.#authenticator = authenticator;
    this.#access = access;
  }

  /** Calls `admit` at once or later, unless the request is refused or its peer goes away. */
  check(request: IncomingMessage, response: ServerResponse, admit: (principal: Principal) => void): void {
    this.#decide(request, admit, (status, reason, [name, value]) => {
      response.writeHead(status, { "content-type": "application/json; charset=utf-8", [name]: value });
      response.end(`${JSON.stringify({ error: reason })}\n`);
    });
  }

  checkUpgrade(request: IncomingMessage, socket: Duplex, admit: (principal: Principal) => void): void {
    const onError = (): void => void socket.destroy();
    socket.on("error", onError);
    const admitted = (principal: Principal): void => {
      socket.off("error", onError);
      admit(principal);
    };
    this.#decide(request, admitted, (status, reason, [name, value]) =>
      refuseUpgrade(socket, status, reason, [`${name}: ${value}`]),
    );
  }

  #decide(request: IncomingMessage, admit: (principal: Principal) => void, refuse: Refuse): void {
    const result = this.#authenticator.authenticate(credentialsOf(request));
    if (result instanceof Promise) {
      void result.then((later) => {
        if (!request.socket.destroyed) this.#settle(later, admit, refuse);
      });
    } else {
      this.#settle(result, admit, refuse);
    }
  }

  #settle(result: AuthenticationResult, admit: (principal: Principal) => void, refuse: Refuse): void {
    if (!isRefusal(result) && this.#access.allows(result, "connect", "")) admit(result);
    else if (isRefusal(result) && result.refused === "busy")
      refuse(503, "too many passwords are being checked", ["retry-after", "1"]);
    else refuse(401, "user name and password are needed", ["www-authenticate", challenge]);
  }
}

const challenge = 'Basic realm="polylog", charset="UTF-8"';

function credentialsOf({ headers, socket }: IncomingMessage): Credentials {
  const remote = `${socket.remoteAddress ?? ""}:${socket.remotePort ?? 0}`;
  const certificateName = socket instanceof TLSSocket ? certificateNameOf(socket) : undefined;
  const { authorization = "" } = headers;
  const encoded = /^basic +([A-Za-z0-9+/=]+) *$/i.exec(authorization)?.[1];
  if (encoded === undefined) return { clientId: "", remote, certificateName };
  const decoded = Buffer.from(encoded, "base64");
  const colon = decoded.indexOf(0x3a);
  const userName = decoded.toString("utf8", 0, colon < 0 ? decoded.length : colon);
  const password = colon < 0 ? undefined : decoded.subarray(colon + 1);
  return { clientId: "", userName, password, remote, certificateName };
}
