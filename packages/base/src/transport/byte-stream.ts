/**
 * What a connection needs of a socket: TCP and TLS sockets have it, and so has the in-memory stream of the test kit.
 * Events: `data` (a chunk that nobody else keeps or changes), `drain`, `close`, `error`.
 */
export interface ByteStream {
  readonly writableLength: number;
  /** What was written may be changed again once `writableLength` is 0: the operating system has it. Default: never. */
  readonly copiesWritten?: boolean;
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  /** Common name of the certificate with which the peer has proved itself; undefined without TLS or certificate. */
  readonly certificateName?: string | undefined;
  /** Returns false when the stream now holds more than its high-water mark. */
  write(bytes: Uint8Array): boolean;
  cork(): void;
  uncork(): void;
  /** Sends what was written, then closes. */
  end(): unknown;
  /** Closes at once; what was written and not sent is lost. */
  destroy(): unknown;
  pause(): unknown;
  resume(): unknown;
  on(event: "data", listener: (chunk: Buffer) => void): unknown;
  on(event: "drain" | "close" | "end", listener: () => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
}
