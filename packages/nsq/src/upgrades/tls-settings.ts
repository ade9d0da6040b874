/** How the server speaks TLS, as nsqd's flags have it, and what a handshake came to. */

import { Duplex } from "node:stream";
import { type SecureContext, TLSSocket } from "node:tls";
import type { ByteStream } from "@polylog/base/transport";

export interface NsqTls {
  /** Certificate, key and the authorities that clients' certificates are held to; asked at each handshake. */
  readonly context: () => SecureContext;
  /**
   * `none`: clients show no certificate. `request`: they may, and it must be in order. `any`: they must, whatever it is (nsqd's
   * policy `require`). `require`: they must, and it must be in order (nsqd's `require-verify`).
   */
  readonly clientAuth: TlsClientAuth;
  /**
   * `false`: TLS is the client's choice. `true`: nothing but IDENTIFY without it, over HTTP nothing at all. `tcp-https`: HTTP
   * is not meant.
   */
  readonly required: TlsRequired;
}

export const tlsClientAuths = ["none", "request", "any", "require"] as const;
export type TlsClientAuth = (typeof tlsClientAuths)[number];

export const tlsRequireds = ["false", "true", "tcp-https"] as const;
export type TlsRequired = (typeof tlsRequireds)[number];

/** As /stats and authorisation servers are told of it; strings are empty and flags false without TLS. */
export interface TlsState {
  readonly cipherSuite: string;
  readonly version: string;
  /** Common name of the client's certificate. */
  readonly commonName: string;
}

/** The server's side of a handshake on `stream`, which belongs to the TLS socket from here on. */
export function beginTls(stream: ByteStream, { context, clientAuth }: NsqTls): TLSSocket {
  if (!(stream instanceof Duplex)) throw new TypeError("TLS needs a socket");
  return new TLSSocket(stream, {
    isServer: true,
    secureContext: context(),
    requestCert: clientAuth !== "none",
    rejectUnauthorized: clientAuth === "any" || clientAuth === "require",
  });
}

/** Why the client's certificate is refused, once the handshake is done. That there must be one was OpenSSL's to check. */
export function certificateProblem(socket: TLSSocket, clientAuth: TlsClientAuth): Error | undefined {
  if (clientAuth === "none" || clientAuth === "any") return undefined;
  if (clientAuth === "request" && socket.getPeerX509Certificate() === undefined) return undefined;
  // Node keeps OpenSSL's verdict for `tls.Server`, which asks it the same way; a socket that is upgraded has no other door.
  const { ssl } = socket as unknown as { readonly ssl: { verifyError(): Error | null } };
  return ssl.verifyError() ?? undefined;
}

export function tlsStateOf(socket: TLSSocket): TlsState {
  const { standardName } = socket.getCipher();
  const suite = tls13Suites[standardName];
  const { CN } = socket.getPeerCertificate().subject ?? {};
  return {
    // nsqd has names for the suites before TLS 1.3 only.
    cipherSuite: suite === undefined ? standardName : `Unknown ${suite}`,
    version: (socket.getProtocol() ?? "").replace("TLSv", "TLS").replace(/^TLS1$/, "TLS1.0"),
    commonName: typeof CN === "string" ? CN : (CN?.[0] ?? ""),
  };
}

const tls13Suites: Readonly<Record<string, number>> = {
  TLS_AES_128_GCM_SHA256: 0x1301,
  TLS_AES_256_GCM_SHA384: 0x1302,
  TLS_CHACHA20_POLY1305_SHA256: 0x1303,
};
