/**
 * A TCP port with TLS as a service: `TcpListener`, and a handshake before a stream is handed over. Output is still one write
 * per connection and turn, which here also means one run of TLS records.
 *
 * `replaceCertificates` takes effect for handshakes that begin afterwards; connections that are open keep theirs.
 */

import { createServer, type SecureVersion, type Server, type TLSSocket } from "node:tls";
import type { Service } from "../lifecycle/index.ts";
import type { ByteStream } from "./byte-stream.ts";
import { boundAddress, type ListenAddress, listen, socketOptions } from "./tcp-listener.ts";

/** All as PEM. */
export interface TlsCertificates {
  /** The server's, followed by those of the authorities between it and a root. */
  readonly cert: Buffer;
  readonly key: Buffer;
  /** Authorities whose client certificates are believed. */
  readonly ca?: Buffer | undefined;
  /** Default: Node's, TLS 1.2. */
  readonly minVersion?: SecureVersion | undefined;
}

export const tlsClientAuths = ["none", "request", "require"] as const;
export type TlsClientAuth = (typeof tlsClientAuths)[number];

export interface TlsSettings {
  /** Called at start. */
  readonly certificates: () => TlsCertificates;
  readonly clientAuth: TlsClientAuth;
}

export interface TlsListenerOptions extends ListenAddress {
  readonly name: string;
  /** As for `TcpListener`; those still in their handshake count. */
  readonly connectionsMax: number;
  readonly tls: TlsSettings;
  readonly accept: (stream: ByteStream) => void;
}

/** How long a handshake may take, in milliseconds. */
export const handshakeTimeoutMs = 10_000;

export class TlsListener implements Service {
  readonly name: string;
  readonly #options: TlsListenerOptions;
  readonly #server: Server;
  /** Sockets closed because `connectionsMax` were open. */
  refusedCount = 0;
  /** Handshakes that failed or took too long. */
  handshakeFailedCount = 0;

  constructor(options: TlsListenerOptions) {
    this.name = options.name;
    this.#options = options;
    const { clientAuth } = options.tls;
    this.#server = createServer({
      ...socketOptions,
      ...clientAuthOptions(clientAuth),
      handshakeTimeout: handshakeTimeoutMs,
    });
    this.#server.maxConnections = options.connectionsMax;
    this.#server.on("secureConnection", (socket) => options.accept(withCertificateName(socket)));
    this.#server.on("drop", () => {
      this.refusedCount++;
    });
    this.#server.on("tlsClientError", () => {
      this.handshakeFailedCount++;
    });
  }

  /** Where it listens; with port 0 the port it was given. Valid once started. */
  get address(): ListenAddress {
    return boundAddress(this.#server, this.#options);
  }

  async start(): Promise<void> {
    this.replaceCertificates(this.#options.tls.certificates());
    await listen(this.#server, this.name, this.#options);
  }

  /** Throws what OpenSSL says when they are no certificates, or key and certificate do not belong together. */
  replaceCertificates(certificates: TlsCertificates): void {
    this.#server.setSecureContext(secureContextOptions(certificates));
  }

  /** Stops accepting. Open connections are their owners' to end. */
  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.close();
  }
}

/** For `setSecureContext` of a TLS or HTTPS server. */
export function secureContextOptions({ cert, key, ca, minVersion }: TlsCertificates): {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca?: Buffer;
  readonly minVersion?: SecureVersion;
} {
  return { cert, key, ...(ca === undefined ? {} : { ca }), ...(minVersion === undefined ? {} : { minVersion }) };
}

/** For the constructor of a TLS or HTTPS server. */
export function clientAuthOptions(clientAuth: TlsClientAuth): {
  readonly requestCert: boolean;
  readonly rejectUnauthorized: boolean;
} {
  return { requestCert: clientAuth !== "none", rejectUnauthorized: clientAuth === "require" };
}

/** Common name of a certificate that was asked for, sent and verified. */
export function certificateNameOf(socket: Pick<TLSSocket, "authorized" | "getPeerCertificate">): string | undefined {
  if (!socket.authorized) return undefined;
  const name: unknown = socket.getPeerCertificate().subject?.CN;
  return typeof name === "string" ? name : undefined; // Several names are none.
}

function withCertificateName(socket: TLSSocket): ByteStream {
  return Object.assign(socket, { certificateName: certificateNameOf(socket) });
}
