/** The process's memory under nsqd's names, as far as V8 has what Go's runtime has; what it has not is 0. */

import { getHeapStatistics } from "node:v8";

export interface MemoryStats {
  readonly heap_objects: number;
  readonly heap_idle_bytes: number;
  readonly heap_in_use_bytes: number;
  readonly heap_released_bytes: number;
  readonly gc_pause_usec_100: number;
  readonly gc_pause_usec_99: number;
  readonly gc_pause_usec_95: number;
  readonly next_gc_bytes: number;
  readonly gc_total_runs: number;
}

export function collectMemory(): MemoryStats {
  const heap = getHeapStatistics();
  return {
    heap_objects: 0,
    heap_idle_bytes: heap.total_heap_size - heap.used_heap_size,
    heap_in_use_bytes: heap.used_heap_size,
    heap_released_bytes: 0,
    gc_pause_usec_100: 0,
    gc_pause_usec_99: 0,
    gc_pause_usec_95: 0,
    next_gc_bytes: heap.heap_size_limit,
    gc_total_runs: 0,
  };
}
