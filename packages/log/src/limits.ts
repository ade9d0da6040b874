/** Every limit of the log. Sizes are bytes, times milliseconds; the relations between them are asserted below. */

/** Characters of a log's name, `#ephemeral` included (NSQ's rule). */
export const logNameLengthMax = 64;

/** Partitions of one log. Each may hold an open file and a timer while it is written. */
export const partitionsMax = 1024;

/** An open batch is closed before it would grow beyond this; only a single larger record makes a larger batch. */
export const batchSizeMax = 1024 * 1024;

/** The body of one record: its value, and for a rich record also key, topic and headers. */
export const recordSizeMax = 32 * 1024 * 1024;

/** A batch in a file, header included. A length above it is damage, seen before anything is allocated. */
export const batchFileSizeMax = recordSizeMax + batchSizeMax;

/** Records in one batch; a batch of empty values reaches it before `batchSizeMax`. */
export const batchRecordsMax = 1 << 18;

/** Offsets that one sparse batch covers, so that a distance between two of them fits 31 bits. */
export const sparseOffsetsMax = 2 ** 31 - 1;

/** Headers of one record. */
export const headersMax = 1024;

/** Characters of a producer's id; they are those of a log's name. */
export const producerIdLengthMax = 64;

/** Producers with an id that one partition remembers; of more, the one that has not written for longest is forgotten. */
export const producersPerPartitionMax = 10_000;

/** Last batches of a producer in a partition that are known again when they are sent again. */
export const producerBatchesMax = 5;

/** Snapshots of a partition's producers that are kept: the last one, and the one before in case that is damaged. */
export const producerSnapshotsKept = 2;

/** A rich batch is closed when its records would lie further apart than this, so that a delta fits 31 bits. */
export const timestampSpanMax = 2 ** 31 - 1;

/** Bytes appended to one partition and not yet written, beyond which appending is refused. Default. */
export const pendingBytesMax = 32 * 1024 * 1024;

/** Bytes appended to all partitions of a store together and not yet written, beyond which appending is refused. Default. */
export const pendingTotalMax = 256 * 1024 * 1024;

/** What one positioned write takes at most, unless a single batch is larger. */
export const writeSizeMax = 8 * 1024 * 1024;

/** Buffers handed to one `writev`; the system's own limit is 1,024. */
export const writeBuffersMax = 256;

/**
 * A write up to this size is done on the event loop, which costs about 5 µs for 256 B, 16 µs for 64 KiB and 140 µs for
 * 256 KiB; through the thread pool the same writes cost 38 µs, 65 µs and 329 µs (ext4, see `storage/file-storage.ts`).
 */
export const writeInTurnSizeMax = 256 * 1024;

/**
 * After a write on the event loop that took this long, writes go through the thread pool for so many times as long: slow
 * writes hold up the loop for 1 part in 21 at most. A write that was only interrupted, as happens every second where
 * others use the processor too, costs no more than that.
 */
export const writeInTurnSlowMs = 2;
export const writeInTurnPauseFactor = 20;

/** The longest such while. */
export const writeInTurnPauseMaxMs = 1000;

/** Memory of the tail starts with a slab this small, so that an idle partition costs little … */
export const slabSizeMin = 4 * 1024;

/** … and doubles up to this. Also what a reader of the tail gets at most in one chunk. */
export const slabSizeMax = 1024 * 1024;

/** An open batch below this moves to the next slab when its slab is full; a larger one is closed instead. */
export const slabMoveSizeMax = 16 * 1024;

/** Slabs of `slabSizeMax` that are kept for the next one to be begun, beyond the memory of the tails. */
export const sparesMax = 4;

/** Memory of all tails of a store. Default. */
export const tailCacheSizeMax = 64 * 1024 * 1024;

/** A segment is closed before it would grow beyond this; a single larger batch gets a segment of its own. Default. */
export const segmentSizeMax = 256 * 1024 * 1024;
export const segmentSizeFloor = 4 * 1024;
export const segmentSizeCeiling = 2 ** 31;

/** Age beyond which records may be told to go, or to expire: 100 years. */
export const retentionMsMax = 100 * 365 * 24 * 3600 * 1000;

/** Bytes that a partition may be told to keep at most: 1 PiB. */
export const retentionBytesMax = 2 ** 50;

/** Records that a log may be told to hold for its channels at most. */
export const depthRecordsMax = 2 ** 40;

/**
 * Files go as whole segments, so a bound on what is kept also bounds a segment: to this part of the bytes, records or
 * time. Kept is at least that much less than the bound, or that much longer.
 */
export const segmentsPerBound = 8;

/** What a partition of an `#ephemeral` log keeps in memory. Defaults and lowest values. */
export const ephemeralBytes = 64 * 1024 * 1024;
export const ephemeralBytesMin = segmentsPerBound * segmentSizeFloor;
export const ephemeralBytesMax = 2 ** 40;
export const ephemeralRecords = 1_000_000;
export const ephemeralRecordsMax = 2 ** 31;

/** Distance between two entries of the sparse index. */
export const indexIntervalSize = 64 * 1024;

/** Entries an index file may claim: a segment of `segmentSizeCeiling` and one oversized batch at that distance. */
export const indexEntriesMax = Math.ceil((segmentSizeCeiling + batchFileSizeMax) / indexIntervalSize) + 1;

/** Bytes of a segment in one block of its compressed form. Larger ones compress hardly better, smaller ones read less at once. */
export const compressedBlockSize = 256 * 1024;

/** A compressed segment is kept only if it takes at most this part of its size. */
export const compressedPartMax = 0.9;

/** Blocks tried before a segment is compressed, to see whether it is worth it. */
export const compressedSamplesMax = 8;

/** A segment whose compressed form says that it is larger is damaged: seen before anything is allocated. */
export const compressedSizeMax = segmentSizeCeiling + batchFileSizeMax + 4096;

/** Blocks of compressed segments that a store keeps decompressed. */
export const blockCacheSizeMax = 16 * 1024 * 1024;

/** Closed segments of one partition whose file and index are kept open for readers. */
export const segmentsOpenMax = 4;

/** Places remembered between reads of one partition, so that a sequential reader needs no look-up. */
export const readHintsMax = 16;

/** One read from a file takes at most this unless a single batch is larger, and at least the second. */
export const readSizeMax = 8 * 1024 * 1024;
export const readSizeMin = 4 * 1024;

/** Buffers for reading that a store keeps to use again, and their size. */
export const readBufferSize = 1024 * 1024;
export const readBuffersMax = 8;

/** Block read at once while scanning a segment. */
export const scanBlockSize = 1024 * 1024;

/** What rewriting a segment writes at once, unless a single batch is larger. */
export const rewriteBlockSize = 1024 * 1024;

/** What is `written` is also synced after this long. Default. */
export const syncIntervalMs = 1000;

/** Zeros written at a time behind the end of a segment that is synced often; see `zero-ahead.ts`. */
export const zeroAheadSize = 256 * 1024;

/** A segment's zeros end at a multiple of this, a page, unless the segment itself ends before. */
export const zeroAheadUnit = 4096;

/** Syncs that somebody waited for, within `zeroAheadSize` bytes, that earn the next zeros; at most, when they were cut off often. */
export const zeroAheadSyncsMin = 8;
export const zeroAheadSyncsMax = 1024;

/** Batches in a row behind which another one waits already, after which zeros are cut off. */
export const zeroAheadBehindMax = 4;

/** A segment for which there was no descriptor is begun again after the first of these, then after twice as long, up to the second. */
export const beginRetryMsMin = 100;
export const beginRetryMsMax = 5000;

/** While something is written, or the disk is full, the system is asked this often how much is free. */
export const diskCheckMs = 1000;

/** After a write that had no room none is tried for this long, whatever the system says is free. */
export const diskRetryMs = 5000;

/** Bytes that must be free before a full disk counts as having room, whatever its floor. */
export const diskRoomMin = 1024 * 1024;

/** Bytes that the reserve is made of at a time. */
export const reserveBlockSize = 1024 * 1024;

/** Pause between two rounds of maintenance. Default. */
export const maintenanceIntervalMs = 10_000;

/** Keys that compaction looks at in one pass, 24 bytes each in a table at most half full; a log with more takes more passes. */
export const compactionKeysMax = 1 << 20;

/** Compaction begins when at least this share of a partition's sealed bytes came since the last one. */
export const compactionNewShare = 0.5;

/** Compaction works this long at a time, and then leaves the event loop to others for as long. */
export const compactionSliceMs = 2;

/** Records between two looks at the clock; a record takes about 3 µs. */
export const compactionSliceRecords = 64;

/** Compaction rewrites no segment unless this much more than the segment is free. */
export const compactionReserveSize = 64 * 1024 * 1024;

/** How long a tombstone stays after it was written. Default, and the highest value. */
export const tombstoneRetentionMs = 24 * 60 * 60 * 1000;
export const tombstoneRetentionMsMax = 10 * 365 * 24 * 60 * 60 * 1000;

/** Logs opened at the same time when the store opens. */
export const opensAtOnceMax = 8;

if (batchFileSizeMax >= 2 ** 31) throw new RangeError("batchFileSizeMax must fit 31 bits");
if (batchSizeMax > recordSizeMax) throw new RangeError("batchSizeMax must not exceed recordSizeMax");
if (zeroAheadSize > writeInTurnSizeMax) throw new RangeError("zeroAheadSize must not exceed writeInTurnSizeMax");
if (indexEntriesMax >= 2 ** 24) throw new RangeError("indexEntriesMax must fit 24 bits");
if (slabMoveSizeMax > slabSizeMax) throw new RangeError("slabMoveSizeMax must not exceed slabSizeMax");
