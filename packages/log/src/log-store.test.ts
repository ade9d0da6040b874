import { join } from "node:path";
import { ManualClock } from "@polylog/base/clock";
import { temporaryDirectory } from "@polylog/testkit";
import { EmbeddedLogStore } from "./embedded-log-store.ts";
import { logStoreContract } from "./log-store.contract.ts";
import { MemoryLogStore } from "./memory/memory-log-store.ts";
import { MemoryStateStore } from "./state/index.ts";
import { FileStorage } from "./storage/file-storage.ts";
import { contractPendingBytesMax as pendingBytesMax } from "./testing/contract-rig.ts";

logStoreContract({
  name: "embedded over files",
  async create(context) {
    const clock = new ManualClock();
    const directory = join(temporaryDirectory(context), "logs");
    const state = new MemoryStateStore();
    await state.open();
    const defaults = { segmentSizeMax: 4096 };
    const build = () =>
      new EmbeddedLogStore({ storage: new FileStorage(directory), state, clock, defaults, pendingBytesMax });
    return { clock, build };
  },
});

logStoreContract({
  name: "in memory",
  async create() {
    const clock = new ManualClock();
    let store = new MemoryLogStore({ clock, pendingBytesMax });
    const build = () => {
      store = new MemoryLogStore({ clock, kept: store.kept, pendingBytesMax });
      return store;
    };
    return { clock, build };
  },
});
