/** A run of whole batches in memory, as the tail and the reader hand them out. */
export interface Chunk {
  /** Bytes in `[start, end)` never change while anyone holds the chunk; those outside may. Not to be written. */
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  /** Offset of the first record of the first batch; may be below the offset that was asked for. */
  readonly offsetFirst: number;
  /** Offset after the last record of the last batch: where to read on. */
  readonly offsetNext: number;
  /** `bytes` are the holder's only until it gives the chunk back: nobody else may be lent a part of them. */
  readonly borrowed?: boolean;
}
