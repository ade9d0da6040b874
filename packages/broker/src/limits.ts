/** Bounds of the router. Each protects memory or the event loop from clients that ask for more and more. */
export interface RouterLimits {
  /** Routes cached by topic; when full the cache starts afresh. */
  readonly routesMax: number;
  /** Bytes that all cached routes may take, roughly; reached first when topics are long or have many subscribers. */
  readonly routesSizeMax: number;
  /** Bytes of a topic whose route is cached; longer ones are resolved for every message. */
  readonly routeTopicSizeMax: number;
  /** Levels of a filter, and so the depth of the trie. A topic may have more: only `#` can match what lies below. */
  readonly topicLevelsMax: number;
  /** Bytes of a filter as UTF-8 [MQTT-4.7.3-3]. */
  readonly filterSizeMax: number;
}

export const defaultRouterLimits: RouterLimits = {
  routesMax: 65_536,
  routesSizeMax: 64 * 1024 * 1024,
  routeTopicSizeMax: 1024,
  topicLevelsMax: 128,
  filterSizeMax: 65_535,
};

/** Bounds on what the broker keeps. Each protects memory from a client that asks for more and more. */
export interface BrokerLimits {
  /** Logs, ephemeral ones included. */
  readonly logsMax: number;
  /** Channels of one log. */
  readonly channelsPerLogMax: number;
  /** Retained messages over all topics. */
  readonly retainedMax: number;
  /** Producers with an id; of more, the one that was not used for longest is forgotten. */
  readonly producersMax: number;
  readonly router: RouterLimits;
}

export const defaultBrokerLimits: BrokerLimits = {
  logsMax: 10_000,
  channelsPerLogMax: 1_000,
  retainedMax: 1_000_000,
  producersMax: 100_000,
  router: defaultRouterLimits,
};

/** Bytes that a consumer which fell behind reads from a segment at a time. */
export const readAheadSize = 1024 * 1024;

/** Of what was read from a segment, a consumer gets so many bytes or records in one spare turn of the event loop. */
export const readSliceSize = 128 * 1024;
export const readSliceRecords = 256;

/** A slice is so many times as large for a consumer that producers leave further and further behind: 1 to 2 ms. */
export const fallenBehindSliceFactor = 8;
/** Bytes that somebody who follows a log reads from a segment at a time. */
export const followReadSize = 64 * 1024;

/** How long what could not become a dead letter waits to be tried again, in milliseconds. */
export const deadLetterRetryMs = 1000;

/** Dead letters of one channel that are being appended at a time. */
export const deadLettersPendingMax = 1000;

/** Bytes of the value, and of the key, of a record that is too large to be a whole dead letter. */
export const deadValueCutSize = 1024 * 1024;

/** Deliveries that a channel may allow; attempts are counted in 16 bits. */
export const maxAttemptsMax = 65_535;

/** Pause between two lines about the records that one channel loses, in milliseconds. */
export const dropReportIntervalMs = 10_000;

/** Records of one partition that an ordered channel keeps an order of; beyond it takes up no fresh ones. */
export const orderedRecordsMax = 100_000;

/** Seconds that an MQTT subscriber is told a message is still of use, at most. */
export const expirySecondsMax = 0xffff_ffff;

/** Records that looking at a channel's next ones passes over, because they have expired or are not due, before it gives up. */
export const peekPassedMax = 10_000;

/** Bytes that looking at a channel's next records reads from a segment at a time. */
export const peekReadSize = 64 * 1024;

/** Series that one family of metrics lists; further logs, partitions or channels are counted and left out. */
export const metricSeriesMax = 20_000;

/** Records that one partition of a channel delivers before it is the next partition's turn. */
export const feedTurnMax = 16;

/** How long a channel's progress may wait to be saved, in milliseconds: what a crash may deliver once more. */
export const channelSaveIntervalMs = 100;

/** After how long a save of channels is tried again when the state store had no room, in milliseconds. */
export const channelSaveRetryMs = 1000;

/**
 * Changes of filters that a route is compared with, one by one, before it is resolved anew; a power of two. At 32 the
 * comparison costs at worst about what resolving does.
 */
export const changesKept = 32;

/** Topics that `RetainedIndex.matchPaced` looks at between two steps. */
export const visitsPerStepMax = 1024;

/** Pause between two sweeps over retained messages that can expire. */
export const retainedSweepIntervalMs = 10_000;
/** How long the progress of a session's deliveries may wait to be saved, in milliseconds: what a crash may repeat. */
export const sessionSaveIntervalMs = 100;

/** Sessions saved in one write. */
export const sessionsPerSave = 1024;

/** After so many bytes of the session log, or so long, sessions that only got messages are saved too. */
export const checkpointBytesMax = 16 * 1024 * 1024;
export const checkpointIntervalMs = 5_000;

/** Newest records of the session log in memory, in bytes. */
export const recentRecordsSizeMax = 8 * 1024 * 1024;

/** What is read from the session log at a time, kept of it for all sessions, in bytes, and reads under way. */
export const sessionReadSize = 64 * 1024;
export const sessionChunksSizeMax = 32 * 1024 * 1024;
export const sessionReadsMax = 4;

/** How long a read of the session log that failed waits to be tried again, in milliseconds. */
export const sessionReadRetryMs = 1000;

/** Size of the extents in which the session log is cleaned, in bytes. */
export const sessionExtentSizeMax = 32 * 1024 * 1024;

/** How often the session log is cleaned, in milliseconds, and how many extents of it are left alone. */
export const sessionCleanIntervalMs = 10_000;
export const sessionExtentsKept = 4;
/** Peers whose passwords wait to be checked at a time; more are told to try again. */
export const authenticationsWaitingMax = 1000;
/** Answers about permissions that are remembered for one peer; topics are asked for with each message. */
export const grantsPerPrincipalMax = 256;

/** Bytes after which records without a key go to the next partition, although the last one has not written them yet. */
export const stickyBytesMax = 1024 * 1024;

/** How long a deferred message waits before its place on the disk is looked at again, in milliseconds. */
export const deferredHopMs = 3_600_000;

/** Deferred messages that are due and being published at a time. */
export const deferredInFlightMax = 1000;

/** After how long a deferred message that could not be published is tried again, in milliseconds. */
export const deferredRetryMs = 1000;

/** Deliveries after which that doubles with each more, the hours it waited included, and the longest. */
export const deferredQuickRetries = 8;
export const deferredRetryMsMax = 60_000;

/** How long the publishing of one may take before it is tried again, in milliseconds. */
export const deferredTimeoutMs = 600_000;

/** Bytes of deferred messages that are read at a time to list them. */
export const deferredListReadSize = 64 * 1024;

/** Turns of the event loop that taking back a deferred message waits until it has been looked at for the first time. */
export const deferredTurnsMax = 16;

/** Segments of deferred messages, and the newest of them in memory, in bytes. */
export const deferredSegmentSizeMax = 16 * 1024 * 1024;
export const deferredCacheSizeMax = 4 * 1024 * 1024;

/** Bytes of deferred messages below which nothing is moved to give the disk back. */
export const deferredSparseBytesMin = 64 * 1024 * 1024;

/** How often what is finished is removed from the disk, in milliseconds. */
export const deferredTrimIntervalMs = 10_000;
