/** Whose segments these are; every header and footer repeats it. */
export interface SegmentIdentity {
  readonly log: string;
  readonly partition: number;
}
