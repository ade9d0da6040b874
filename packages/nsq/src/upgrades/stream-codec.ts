/** What compresses a connection's two directions, between its frames and its socket. */

export interface StreamCodec {
  /** Bytes taken by `write` that have not reached `CodecOwner.send`. */
  readonly pendingSize: number;
  /** Plain bytes of one turn, all of which the peer must be able to read when what comes of them arrives. */
  write(bytes: Uint8Array): void;
  /** Bytes from the peer. */
  read(bytes: Buffer): void;
  /** Nothing is received until `resume`, but for what the call that goes on hands over. */
  pause(): void;
  resume(): void;
  /** Nothing is written any more; `done` once all of it was sent. */
  endOutput(done: () => void): void;
  /** The peer sends nothing more; answered with `receivedEnd` behind the last byte. */
  endInput(): void;
  /** Releases what it holds. Nothing is called afterwards. */
  close(): void;
}

export interface CodecOwner {
  send(bytes: Uint8Array): void;
  receive(bytes: Buffer): void;
  receivedEnd(): void;
  /** Bytes from the peer must wait, or need not any more. */
  hold(held: boolean): void;
  /** What waited in the codec has been sent. */
  drained(): void;
  /** The peer's stream cannot be read. */
  fail(error: Error): void;
}
